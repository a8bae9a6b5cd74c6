"""The sandbox's own time."""
