"""The server around the app: socket, headers, stopping, memory, files, fonts, and inner parts of the libraries."""
