"""Sockets, routes, scripted faults, the control plane, Daily's REST API."""
