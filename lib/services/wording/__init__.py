"""Words for people, made of data."""
