"""What personas are given besides their prompt: objectives, guardrails and documents, and who uses them."""
