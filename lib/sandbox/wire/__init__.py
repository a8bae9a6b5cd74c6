"""What requests, answers and callbacks look like on the wire."""
