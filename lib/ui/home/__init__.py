"""Home: cards and Today."""
