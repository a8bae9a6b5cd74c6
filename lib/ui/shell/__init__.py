"""What stands around each page."""
