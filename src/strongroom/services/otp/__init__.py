"""Credentials: made, handed over, verified, rotated, stopped and destroyed."""
