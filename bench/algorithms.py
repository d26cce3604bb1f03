"""Each algorithm and operation: through the server, and by the bare library call right after."""

import base64
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from bench.node import Node
from bench.wrk import load
from strongroom.adapters.software.provider import SoftwareProvider
from strongroom.domain.algorithms import ALGORITHMS, DEFAULT, Algorithm, Purpose, Scheme
from strongroom.domain.sensitive import Sensitive

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

_MESSAGE: Final = os.urandom(32)
_BARE_SECONDS: Final = 0.5
_BINDING: Final = b"bench"
# Of a purpose the default scheme is measured, and these: another library computes them.
_MEASURED_TOO: Final = frozenset({Scheme.ED25519PH})


class Row(msgspec.Struct):
    """What was measured. Rates in operations a second."""

    algorithm: str
    operation: str
    served: float
    p99_ms: float
    bare: float


def rows(node: Node, seconds: int, *, hasty: bool = False) -> Iterator[Row]:
    """All of them, each measured while nothing else is; hasty: one algorithm of each purpose."""
    seen: set[Purpose] = set()
    for algorithm, facts in ALGORITHMS.items():
        for purpose in facts.schemes:
            if hasty and purpose in seen:
                continue
            seen.add(purpose)
            name = f"bench-{algorithm}-{purpose}"
            node.post("/v1/keys", {"name": name, "algorithm": algorithm, "purpose": purpose})
            for operation, body, bare in _operations(node, name, algorithm, purpose):
                url = f"{node.url}/v1/keys/{name}/{operation}"
                served = load(
                    url, node.token, msgspec.json.encode(body), connections=64, seconds=seconds
                )
                said = f"{operation}, {body['scheme']}" if "scheme" in body else operation
                yield Row(algorithm, said, served.rate, served.p99 / 1000, _rate(bare))


def _rate(call: Callable[[], object]) -> float:
    call()
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < _BARE_SECONDS:
        call()
        count += 1
    return count / (time.perf_counter() - began)


def _operations(  # noqa: C901 - one branch a purpose
    node: Node, name: str, algorithm: Algorithm, purpose: Purpose
) -> Iterator[tuple[str, dict[str, Any], Callable[[], object]]]:
    """Operation, body, and the bare call that does the same."""
    provider = SoftwareProvider(Sensitive(os.urandom(32)))
    namespace = provider.open_namespace_key(provider.generate_namespace_key(b""), b"")
    made = namespace.generate(algorithm, _BINDING)
    handle = namespace.open(algorithm, purpose, made.wrapped, _BINDING)
    public = provider.public_keys
    schemes = ALGORITHMS[algorithm].schemes[purpose]
    scheme = next(iter(schemes), None)
    message = base64.b64encode(_MESSAGE).decode()

    def first(operation: str, body: dict[str, Any], field: str) -> str:
        return cast("str", node.post(f"/v1/keys/{name}/{operation}", body)[field])

    if algorithm is DEFAULT:
        cipher = cast("Cipher", handle)
        key_id = os.urandom(16)
        yield "encrypt", {"plaintext": message}, lambda: cipher.encrypt(key_id, 1, _MESSAGE, {})
    elif purpose is Purpose.ENCRYPT_DECRYPT:
        raw = cast("RawCipher", handle)
        yield "encrypt", {"plaintext": message}, lambda: raw.encrypt_raw(_MESSAGE, b"")
    elif purpose is Purpose.MAC:
        maker = cast("MACMaker", handle)
        yield "mac", {"message": message}, lambda: maker.mac(_MESSAGE)
    elif purpose is Purpose.AGREE:
        agreement = cast("Agreement", handle)
        peer = base64.b64encode(made.public).decode()
        yield "agree", {"public_key": peer}, lambda: agreement.agree(made.public)
    elif scheme is None:
        raise RuntimeError("a purpose that the benchmark does not know")
    elif purpose is Purpose.SIGN_VERIFY:
        signer = cast("Signer", handle)
        for one in (scheme, *(other for other in schemes if other in _MEASURED_TOO)):
            asked = {"message": message} | ({} if one is scheme else {"scheme": one})
            sign = partial(signer.sign, one, _MESSAGE, digest=False, context=b"")
            yield "sign", asked, sign
            yield (
                "verify", asked | {"signature": first("sign", asked, "signature")},
                partial(
                    public.verify, algorithm, one, made.public, _MESSAGE, sign(),
                    digest=False, context=b"",
                ),
            )  # fmt: skip
    elif purpose is Purpose.WRAP:
        wrapper = cast("Wrapper", handle)
        yield "wrap", {"material": message}, lambda: wrapper.wrap(scheme, _MESSAGE)
        wrapped = wrapper.wrap(scheme, _MESSAGE)
        asked = {"wrapped": first("wrap", {"material": message}, "wrapped")}
        yield "unwrap", asked, lambda: wrapper.unwrap(scheme, wrapped)
    elif purpose is Purpose.DECRYPT:
        decrypter = cast("Decrypter", handle)
        sealed = public.encrypt_asymmetric(algorithm, scheme, made.public, _MESSAGE, b"")
        own = base64.b64decode(_public_key(node, name))
        theirs = public.encrypt_asymmetric(algorithm, scheme, own, _MESSAGE, b"")
        yield (
            "decrypt", {"ciphertext": base64.b64encode(theirs).decode()},
            lambda: decrypter.decrypt_asymmetric(scheme, sealed, b""),
        )  # fmt: skip
    elif scheme != "hpke":
        decapsulator = cast("Decapsulator", handle)
        yield "encapsulate", {}, lambda: public.encapsulate(algorithm, scheme, made.public)
        inside = public.encapsulate(algorithm, scheme, made.public).ciphertext
        asked = {"ciphertext": first("encapsulate", {}, "ciphertext")}
        yield "decapsulate", asked, lambda: decapsulator.decapsulate(scheme, inside)


def _public_key(node: Node, name: str) -> str:
    return cast("str", node.ask("GET", f"/v1/keys/{name}/public-key")["der"])
