"""Calls: start, watch, end, and the limits of all."""
