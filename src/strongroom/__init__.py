"""Strongroom: a key management system that people run themselves."""

__version__ = "0.1.0"
