"""Personas, stock ones too."""
