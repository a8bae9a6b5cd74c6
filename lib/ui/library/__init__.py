"""Objectives, guardrails and documents."""
