"""Concrete parts behind the ports."""
