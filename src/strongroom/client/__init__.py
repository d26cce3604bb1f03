"""The Python client: `Client` and `AsyncClient`, one method per operation, typed.

    with Client("https://kms.example:7600", token) as strongroom:
        sealed = strongroom.encrypt("cards", b"4111...", {"order": "17"})
        opened = strongroom.decrypt(sealed.ciphertext, {"order": "17"})

A refusal is a `ProblemError`; no answer at all is an `UnreachableError`. Nothing is tried again by
itself: who lost the answer to a "make a new version" does not know whether there is one, and must
look first.
"""

from typing import TYPE_CHECKING, Any

from strongroom.client.problems import (
    ClientError,
    InvalidArgumentError,
    ProblemError,
    UnreachableError,
)

if TYPE_CHECKING:
    from strongroom.client.asynchronous import AsyncClient
    from strongroom.client.proofs import NoReceiptError, Proven
    from strongroom.client.synchronous import Client

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "InvalidArgumentError",
    "NoReceiptError",
    "ProblemError",
    "Proven",
    "UnreachableError",
]

_LAZY = {
    "AsyncClient": "strongroom.client.asynchronous",
    "Client": "strongroom.client.synchronous",
    "NoReceiptError": "strongroom.client.proofs",
    "Proven": "strongroom.client.proofs",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what a module's __getattr__ returns
    # httpx takes a tenth of a second to import. `strongroom --help` needs the calls, not the
    # clients.
    if name in _LAZY:
        import importlib  # noqa: PLC0415 - as above

        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(name)
