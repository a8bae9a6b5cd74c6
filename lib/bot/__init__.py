"""The Pipecat worker: one process a session, started as `python -m lib.bot`. The only room that imports Pipecat."""
