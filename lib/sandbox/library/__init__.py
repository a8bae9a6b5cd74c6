"""What personas are given besides their prompt: objectives, guardrails, documents."""
