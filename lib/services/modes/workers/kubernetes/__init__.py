"""Workers as Kubernetes Jobs."""
