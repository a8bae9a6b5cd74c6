"""The room that a browser opens."""
