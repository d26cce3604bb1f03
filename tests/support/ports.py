"""Ports of this machine that nobody else gets while the tests run."""

import atexit
import socket

_HELD = []


@atexit.register
def _let_go():
    while _HELD:
        _HELD.pop().close()


def free_port():
    """A port where nobody listens. Whoever is told so may; nobody gets it by chance.

    It stays bound, and nothing is heard there: the system gives it to no other socket that asks for
    any port, and lets a server bind it all the same that reuses addresses, as ours do.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _HELD.append(held)
    return held.getsockname()[1]
