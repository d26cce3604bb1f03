"""Seals: what keeps the root key while Strongroom is not running."""
