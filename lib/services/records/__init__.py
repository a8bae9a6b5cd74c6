"""What is kept of sessions: reading, exports, deletion."""
