"""`python -m bench.turns`: how long each operation of each algorithm holds a custodian's loop.

Processor time of the calling thread, in milliseconds, so that a machine with other work to do gives
the same figures. What takes longer than one is done in threads: `services/offload.py`.
"""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import msgspec

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.software import SoftwareProvider
from strongroom.domain import limits
from strongroom.domain.algorithms import (
    ALGORITHMS,
    DEFAULT,
    SCHEMES,
    Algorithm,
    Kind,
    Purpose,
    Scheme,
)
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.provider import Generated

if TYPE_CHECKING:
    from strongroom.ports.provider import (
        Agreement,
        Cipher,
        Decapsulator,
        Decrypter,
        MACMaker,
        RawCipher,
        Signer,
        Wrapper,
    )

_CALLS: Final = 60
_CALLS_SLOW: Final = 9
_SLOW_SECONDS: Final = 0.02
_BINDING: Final = b"bench"
_LONG: Final = os.urandom(limits.MESSAGE_BYTES_MAX)
_SHORT: Final = os.urandom(32)

Call = Callable[[], object]


class Turn(msgspec.Struct):
    """What was measured, in milliseconds: the middle one of many calls, the slower twentieth."""

    what: str
    middle: float
    slow: float


def measured(what: str, call: Call) -> Turn:
    """One operation."""
    began = time.thread_time()
    call()
    slow = time.thread_time() - began > _SLOW_SECONDS
    took = []
    for _ in range(_CALLS_SLOW if slow else _CALLS):
        began = time.thread_time()
        call()
        took.append((time.thread_time() - began) * 1000)
    took.sort()
    return Turn(what, took[len(took) // 2], took[len(took) * 95 // 100])


class Operations:
    """All that the software provider does with one key at a time."""

    def __init__(self) -> None:
        self._provider = SoftwareProvider(Sensitive(os.urandom(32)))
        wrapped = self._provider.generate_namespace_key(b"")
        self._namespace = self._provider.open_namespace_key(wrapped, b"")
        self._public = self._provider.public_keys

    def every(self) -> Iterator[tuple[str, Call]]:
        """What, and the call."""
        for algorithm, facts in ALGORITHMS.items():
            namespace = self._namespace
            yield f"{algorithm} make", partial(namespace.generate, algorithm, _BINDING)
            made = namespace.generate(algorithm, _BINDING)
            if facts.kind is Kind.ASYMMETRIC:
                pair = self._provider.generate_pair(algorithm).private.reveal()
                yield f"{algorithm} adopt", partial(namespace.adopt, algorithm, pair, _BINDING)
            for purpose, schemes in facts.schemes.items():
                yield (
                    f"{algorithm} open for {purpose}",
                    partial(namespace.open, algorithm, purpose, made.wrapped, _BINDING),
                )
                for scheme in schemes or (None,):
                    for what, call in self._uses(algorithm, purpose, scheme, made):
                        yield f"{algorithm} {what} {scheme or ''}".rstrip(), call

    def _uses(  # noqa: C901 - one branch a purpose
        self,
        algorithm: Algorithm,
        purpose: Purpose,
        scheme: Scheme | None,
        made: Generated,
    ) -> Iterator[tuple[str, Call]]:
        handle = self._namespace.open(algorithm, purpose, made.wrapped, _BINDING)
        if algorithm is DEFAULT:
            cipher = cast("Cipher", handle)
            sealed = cipher.encrypt(bytes(16), 1, _LONG, {})
            yield "encrypt", lambda: cipher.encrypt(bytes(16), 1, _LONG, {})
            yield "decrypt", lambda: cipher.decrypt(sealed, {})
        elif purpose is Purpose.ENCRYPT_DECRYPT:
            raw = cast("RawCipher", handle)
            blob = raw.encrypt_raw(_LONG, b"")
            yield "encrypt", lambda: raw.encrypt_raw(_LONG, b"")
            yield "decrypt", lambda: raw.decrypt_raw(blob, b"")
        elif purpose is Purpose.MAC:
            yield "mac", lambda: cast("MACMaker", handle).mac(_LONG)
        elif purpose is Purpose.AGREE:
            yield "agree", lambda: cast("Agreement", handle).agree(made.public)
        elif scheme is None:
            raise RuntimeError("a purpose that the benchmark does not know")
        elif purpose is Purpose.SIGN_VERIFY:
            signer = cast("Signer", handle)
            digest = scheme is Scheme.ML_DSA_MU
            message = bytes(SCHEMES[scheme].digest_bytes) if digest else _LONG
            signature = signer.sign(scheme, message, digest=digest, context=b"")
            yield "sign", lambda: signer.sign(scheme, message, digest=digest, context=b"")
            yield (
                "verify",
                lambda: self._public.verify(
                    algorithm, scheme, made.public, message, signature, digest=digest, context=b""
                ),
            )
        elif purpose is Purpose.WRAP:
            wrapper = cast("Wrapper", handle)
            wrapped = wrapper.wrap(scheme, _SHORT)
            yield "wrap", lambda: wrapper.wrap(scheme, _SHORT)
            yield "unwrap", lambda: wrapper.unwrap(scheme, wrapped)
        elif purpose is Purpose.DECRYPT:
            if scheme is Scheme.RSA_1_5:
                return  # nothing is made with it here
            parcel = self._public.encrypt_asymmetric(algorithm, scheme, made.public, _SHORT, b"")
            yield (
                "encrypt",
                lambda: self._public.encrypt_asymmetric(
                    algorithm, scheme, made.public, _SHORT, b""
                ),
            )
            yield (
                "decrypt",
                lambda: cast("Decrypter", handle).decrypt_asymmetric(scheme, parcel, b""),
            )
        elif scheme is Scheme.HPKE:
            letter = self._public.seal(algorithm, made.public, _LONG, b"")
            yield "seal", lambda: self._public.seal(algorithm, made.public, _LONG, b"")
            yield "open", lambda: cast("Decapsulator", handle).open_sealed(letter, b"")
        else:
            inside = self._public.encapsulate(algorithm, scheme, made.public).ciphertext
            yield "encapsulate", lambda: self._public.encapsulate(algorithm, scheme, made.public)
            yield (
                "decapsulate",
                lambda: cast("Decapsulator", handle).decapsulate(scheme, inside),
            )


def policies() -> Iterator[tuple[str, Call]]:
    """What a change of policies costs, when the namespace has as many as it may."""
    engine = CedarEngine()
    text = 'permit (principal == Principal::"app-{}", action, resource);'
    texts = {f"policy-{n}": text.format(n) for n in range(limits.POLICIES_MAX)}
    numbers = iter(range(limits.POLICIES_MAX, 1_000_000))

    def changed() -> object:
        return engine.parse({**texts, "policy-0": text.format(next(numbers))})

    yield "policies, one of 100 changed", changed
    yield (
        "policies, all of 100 read at first",
        lambda: engine.parse({name: text.format(next(numbers)) for name in texts}),
    )
    yield "policies, one checked", lambda: engine.validate("new", text.format(next(numbers)))


def main() -> None:
    """Print, the slowest first."""
    found = [measured(*each) for each in (*Operations().every(), *policies())]
    print("| operation | middle ms | slower twentieth ms |")
    print("| --- | ---: | ---: |")
    for turn in sorted(found, key=lambda turn: -turn.slow):
        print(f"| {turn.what} | {turn.middle:.3f} | {turn.slow:.3f} |")


if __name__ == "__main__":
    main()
