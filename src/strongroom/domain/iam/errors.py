"""What is wrong with a policy."""


class MalformedPolicyError(Exception):
    """A policy that is not understood. The text says what is wrong."""
