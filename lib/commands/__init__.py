"""Commands of `python -m lib` that need more than a few lines. Each imports what it needs when it runs."""
