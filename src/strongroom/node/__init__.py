"""The four kinds of process, their supervisor, and the wire between them."""
