"""RSA private keys made ahead, in the background: nobody waits for what is there already.

Measured (processor time; `python -m bench.turns` measures again): a key of 2048 bits takes 0.05 s,
of 3072 0.14 s, of 4096 0.36 s, twice that when chance is against it. Two of each cost a second in
all. It is spent once, some seconds after the start, so that a room which is only started and
stopped spends nothing; after that each key that is handed out is replaced.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

EXPONENT: Final = 65_537
_SIZES: Final = (2_048, 3_072, 4_096)
_OF_EACH: Final = 2
_QUIET_SECONDS: Final = 5.0
# Making a key lets go of the interpreter, but its end takes the interpreter back, and that stops
# the loop until this thread has a processor. The less it may have, the longer that takes: with all
# processors busy 0.1 ms at no nicety, 1.2 ms at 10, 6 ms at 19 and in the idle class. So: a third
# of a processor against whoever wants it, too, and no less.
_NICER: Final = 5


def fresh(bits: int) -> RSAPrivateKey:
    """A new key, made now."""
    return generate_private_key(EXPONENT, bits)


class RSAPool:
    """Hands out keys that nobody else has: each exactly once. Safe from several threads.

    Keys wait in the memory of this process, like every other opened key, and nowhere else: they
    are neither written nor wrapped before they are somebody's. What waits at the end is lost.
    """

    def __init__(
        self,
        *,
        of_each: int = _OF_EACH,
        quiet_seconds: float = _QUIET_SECONDS,
        make: Callable[[int], RSAPrivateKey] = fresh,
    ) -> None:
        self._of_each = of_each
        self._quiet_seconds = quiet_seconds
        self._make = make
        self._changed = threading.Condition()
        self._waiting: dict[int, deque[RSAPrivateKey]] = {bits: deque() for bits in _SIZES}
        self._stopped = False
        self._thread = threading.Thread(target=self._fill, name="rsa-pool", daemon=True)
        self.found = 0
        self.missed = 0

    def start(self) -> None:
        """Begin to fill, after a while. Works in a sealed room: it needs a thread, no file."""
        self._thread.start()

    def stop(self) -> None:
        """Forget what waits, make nothing more. A key in the making is thrown away when done."""
        with self._changed:
            self._stopped = True
            for waiting in self._waiting.values():
                waiting.clear()
            self._changed.notify_all()

    def join(self) -> None:
        """Return when the thread has ended, after `stop`."""
        self._thread.join()

    def take(self, bits: int) -> RSAPrivateKey:
        """A key of this size: one that waits, or one that is made now, which takes as long."""
        with self._changed:
            waiting = self._waiting[bits]
            if waiting:
                self.found += 1
                self._changed.notify_all()
                return waiting.popleft()
            self.missed += 1
        return self._make(bits)

    @property
    def waiting(self) -> int:
        """How many keys wait."""
        with self._changed:
            return sum(map(len, self._waiting.values()))

    def _fill(self) -> None:
        thread = threading.get_native_id()
        usual = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, usual + _NICER)
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, self._quiet_seconds)
        while (bits := self._lacking()) is not None:
            key = self._make(bits)
            with self._changed:
                if not self._stopped:
                    self._waiting[bits].append(key)
            del key  # or the last one made would be held here, too, while it is somebody's

    def _lacking(self) -> int | None:
        """Wait until a size has too few, and say which; None: make no more."""
        with self._changed:
            while not self._stopped:
                # One of each, before two of any; the quickest first.
                count, bits = min((len(waiting), bits) for bits, waiting in self._waiting.items())
                if count < self._of_each:
                    return bits
                self._changed.wait()
        return None
