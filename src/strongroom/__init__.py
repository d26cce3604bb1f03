"""Strongroom: a key management system that people run themselves."""
