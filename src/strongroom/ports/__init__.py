"""What we need from outside: first a promise in words, then as few methods as possible."""
