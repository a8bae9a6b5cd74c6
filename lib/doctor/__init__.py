"""What is true of this machine, what can run on it, and what a failure means. Standard library only: it must also run
where nothing could be installed, since that is when it is needed most."""
