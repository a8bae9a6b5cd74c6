"""Replicas: films and the picker."""
