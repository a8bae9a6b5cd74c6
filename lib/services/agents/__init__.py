"""Agents: a persona with a replica and call settings."""
