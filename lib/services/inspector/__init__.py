"""What goes to Tavus and what comes from it, kept for a while without its secrets, to be looked at."""
