"""What a key, a version, a principal, a policy and an event are. Pure: standard library and msgspec."""
