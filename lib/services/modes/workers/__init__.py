"""What workers run on."""
