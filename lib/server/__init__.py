"""What is true of the server whatever it serves: the standard library, Starlette, uvicorn, and nothing of lib."""
