"""Personas and replicas of the account, as they were read last."""
