"""Text chat."""
