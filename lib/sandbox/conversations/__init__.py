"""Conversations: made, joined, ended, told of."""
