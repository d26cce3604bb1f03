"""Which of our schemes one of AWS's algorithms is."""

from strongroom.domain.algorithms import Scheme
from strongroom.domain.iam import specs
from strongroom.doors.aws.errors import AWSError


def scheme_of(algorithm: str) -> Scheme:
    """The scheme. Raises `AWSError` for an algorithm that is not served."""
    scheme = specs.SCHEMES.get(algorithm)
    if scheme is None:
        raise AWSError("UnsupportedOperationException", f"{algorithm} is not served.")
    return scheme
