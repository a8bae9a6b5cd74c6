"""Text chat: who answers (`responder`), what is kept (`sessions`), the stand-in without a model (`scripted`)."""
