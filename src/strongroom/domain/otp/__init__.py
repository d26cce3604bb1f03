"""One-time passwords: what a credential is, its profile, its URI, and what is asked about it."""
