"""What several tests use."""

import os

# How long each test of `make soak` that has no end of its own goes on.
SOAK_SECONDS = float(os.environ.get("SOAK_SECONDS", "120"))
