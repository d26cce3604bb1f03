"""What a key, a version, a principal, a policy and an event are. Standard library and msgspec."""
