"""Replicas: their faces, voices, pictures and films."""
