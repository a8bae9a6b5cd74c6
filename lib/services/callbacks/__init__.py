"""Tavus's callbacks: unsigned, so each is a hint to look, and nothing more."""
