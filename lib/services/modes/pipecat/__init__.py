"""pipecat_daily: a worker of our own in a Daily room."""
