"""Personas: gallery, editor, review, history, files."""
