"""Which scheme a call uses."""

from msgspec import UNSET, UnsetType

from strongroom.domain.algorithms import Scheme, scheme_for
from strongroom.domain.errors import InvalidRequest
from strongroom.services.authorize import Permit
from strongroom.services.profiles import scheme_forbidden


def scheme_of(permit: Permit, asked: Scheme | UnsetType) -> Scheme:
    """The scheme asked for, or the default of the key's algorithm and purpose.

    Raises `InvalidRequest` that lists those the key has, or says that the namespace's profile
    forbids this one.
    """
    key = permit.known_key().body
    try:
        scheme = scheme_for(key.algorithm, key.purpose, None if asked is UNSET else asked)
    except ValueError as error:
        raise InvalidRequest(str(error), "$.scheme") from None
    if scheme is None:
        raise RuntimeError("an algorithm without a scheme where there must be one")
    forbidden = scheme_forbidden(permit.namespace.body.profile, scheme)
    if forbidden:
        raise InvalidRequest(forbidden, "$.scheme")
    return scheme
