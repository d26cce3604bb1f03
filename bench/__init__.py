"""Benchmarks: programs that print figures, each beside its ceiling or peer of the same run."""
