"""The scripted responder's parts: what a prompt says, what a person says, and the lines that answer."""
