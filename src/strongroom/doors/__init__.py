"""Protocols that clients speak; run in the gate."""
