"""Work that takes longer than a millisecond, off the event loop.

What was measured (milliseconds of processor, the slower twentieth of many calls; 64 KiB of message
where there is one; `python -m bench.turns` measures again):

    making RSA                          2048: 80 · 3072: 520 · 4096: 740, by chance
    adopting an RSA key, with checks    2048: 52 · 3072: 117 · 4096: 380
    RSA sign, decrypt, unwrap           2048: 0.6 · 3072: 1.1 · 4096: 2.4
    ML-DSA sign, which tries again      44: 2.0 · 65: 3.6 · 87: 3.1
    verifying with P-384, P-521, Ed448  1.0 · 0.8 · 0.6
    opening any private key             0.5 at most: RSA keys are not validated a second time
    anything else with one key          0.7 at most
    a change of policies                0.2; 3 to 6 to check a text, 10 to read 100 at first

So the first four are done in threads, where the library lets go of the interpreter. The rest
stays: a thread costs 0.1 ms and a wait for the interpreter. What is many small things (a batch)
gives way to others by itself, see `batch.py`. Policies stay, too: Cedar keeps the interpreter.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures.thread import ThreadPoolExecutor
from typing import Final, TypeVar

from strongroom.domain.algorithms import Algorithm

_Result = TypeVar("_Result")

_RSA: Final = frozenset({Algorithm.RSA_2048, Algorithm.RSA_3072, Algorithm.RSA_4096})
_SLOW: Final = _RSA | {Algorithm.ML_DSA_44, Algorithm.ML_DSA_65, Algorithm.ML_DSA_87}

# As many threads as processors: more would do no more, and take the loop's thread off its own.
# Those that make keys are others, and half as many: who signs does not wait for seconds.
_PROCESSORS: Final = len(os.sched_getaffinity(0))
_using: Final = ThreadPoolExecutor(_PROCESSORS, "using")
_making: Final = ThreadPoolExecutor(max(1, _PROCESSORS // 2), "making")


async def computed(algorithm: Algorithm, work: Callable[[], _Result]) -> _Result:
    """What the work with a key returns: computed here, or in a thread if the algorithm is slow."""
    if algorithm not in _SLOW:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_using, work)


async def made(algorithm: Algorithm, work: Callable[[], _Result]) -> _Result:
    """What the making or the adoption of a key returns; likewise."""
    if algorithm not in _RSA:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_making, work)
