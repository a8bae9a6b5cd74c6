"""Rows of sessions, and the ways in which they end."""
