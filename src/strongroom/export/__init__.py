"""Audit entries in the formats that other programs read: an entry in, a line of bytes out."""
