"""Personas: their fields, how they are read, checked, compared, kept as snapshots and as files."""
