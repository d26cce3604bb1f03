"""Work that takes longer than a millisecond, off the event loop."""

import asyncio
import concurrent.futures.thread  # noqa: F401 - a custodian opens no file later, for a module either
from collections.abc import Callable
from typing import Final, TypeVar

from strongroom.domain.algorithms import Algorithm

_Result = TypeVar("_Result")

# Their private operations take milliseconds, making an RSA key takes seconds; the library lets go
# of the interpreter meanwhile.
_SLOW: Final = frozenset(
    {
        Algorithm.RSA_2048, Algorithm.RSA_3072, Algorithm.RSA_4096,
        Algorithm.ML_DSA_44, Algorithm.ML_DSA_65, Algorithm.ML_DSA_87,
    }
)  # fmt: skip


async def computed(algorithm: Algorithm, work: Callable[[], _Result]) -> _Result:
    """What the work returns: computed here, or in a thread if the algorithm is slow."""
    if algorithm not in _SLOW:
        return work()
    return await asyncio.to_thread(work)
