"""Agents: gallery, form, comparison."""
