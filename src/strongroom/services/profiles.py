"""What a namespace's profile forbids."""

from strongroom.domain.algorithms import ALGORITHMS, SCHEMES, Algorithm, Scheme, Standing
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.things import Profile

# The standings that each profile allows a scheme to have. Algorithms that are legacy say so in the
# catalogue, and whoever makes a key of one has chosen it: only the approved profile forbids them.
_SCHEMES = {
    Profile.STANDARD: frozenset({Standing.APPROVED, Standing.SOUND}),
    Profile.APPROVED: frozenset({Standing.APPROVED}),
    Profile.LEGACY: frozenset(Standing),
}


def algorithm_forbidden(profile: Profile, algorithm: Algorithm) -> str:
    """Why keys of that algorithm are neither made nor used; empty: they are."""
    if profile is Profile.APPROVED and ALGORITHMS[algorithm].standing is not Standing.APPROVED:
        return _not_approved(algorithm)
    return ""


def on_profile(profile: Profile, algorithm: Algorithm, pointer: str = "") -> None:
    """Raises `InvalidRequest` when no key of that algorithm is to be made."""
    forbidden = algorithm_forbidden(profile, algorithm)
    if forbidden:
        raise InvalidRequest(forbidden, pointer)


def scheme_forbidden(profile: Profile, scheme: Scheme) -> str:
    """Why that scheme is not used; empty: it is."""
    if SCHEMES[scheme].standing in _SCHEMES[profile]:
        return ""
    if profile is Profile.APPROVED:
        return _not_approved(scheme)
    # RSA1_5 gives away plaintexts to who may ask often enough (Bleichenbacher); a namespace that
    # needs it all the same has to say so.
    return f"{scheme} is legacy; only a namespace on the legacy profile uses it"


def _not_approved(name: Algorithm | Scheme) -> str:
    return f"{name} is not on the approved profile, to which this namespace keeps"
