"""Diagnostics: every check of what a live call needs, and the report that comes of them."""
