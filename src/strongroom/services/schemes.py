"""Which scheme a call uses."""

from msgspec import UNSET, UnsetType

from strongroom.domain.algorithms import SCHEMES, Scheme, Standing, scheme_for
from strongroom.domain.errors import InvalidRequest
from strongroom.services.authorize import Permit


def scheme_of(permit: Permit, asked: Scheme | UnsetType) -> Scheme:
    """The scheme asked for, or the default of the key's algorithm and purpose.

    Raises `InvalidRequest` that lists those the key has, or for one that is legacy.
    """
    key = permit.known_key().body
    try:
        scheme = scheme_for(key.algorithm, key.purpose, None if asked is UNSET else asked)
    except ValueError as error:
        raise InvalidRequest(str(error), "$.scheme") from None
    if scheme is None:
        raise RuntimeError("an algorithm without a scheme where there must be one")
    if SCHEMES[scheme].standing is Standing.LEGACY:
        # RSA1_5 gives away plaintexts to who may ask often enough (Bleichenbacher); a namespace
        # that needs it all the same will have to say so.
        raise InvalidRequest(f"{scheme} is legacy and not allowed in this namespace", "$.scheme")
    return scheme
