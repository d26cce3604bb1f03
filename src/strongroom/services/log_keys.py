"""The keys that sign the audit log: made in the provider, kept wrapped, opened by the notary alone.

Two signatures are in each checkpoint. Ed25519 signs the note, as every tool for such logs knows it
(C2SP signed-note, 0x01). ML-DSA-44 vouches for the tree beside it (C2SP tlog-cosignature, 0x06),
for the day on which Ed25519 is forged.
"""

from typing import Final

from strongroom.domain.algorithms import Algorithm, Purpose, Scheme
from strongroom.domain.binding import bind
from strongroom.domain.errors import TamperedRecord
from strongroom.domain.records import Kind, Record, Ref
from strongroom.domain.things import LOG_ID, LogKeys, LogPair
from strongroom.ports.ledger import Ledger
from strongroom.ports.provider import NamespaceHandle, Provider, PublicKeys, Signer
from strongroom.services.sealing import Sealing
from strongroom.tlog import cosignatures, notes, vkeys
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import TlogError
from strongroom.tlog.notes import Note
from strongroom.tlog.policies import Policy
from strongroom.tlog.vkeys import VKey

_BINDING: Final = b"strongroom/log-key/1"
_SCHEMES: Final = {
    Algorithm.ED25519: (Scheme.ED25519, vkeys.Algorithm.ED25519),
    Algorithm.ML_DSA_44: (Scheme.ML_DSA, vkeys.Algorithm.ML_DSA_44_COSIGNATURE),
}


def origin_of(deployment: bytes) -> str:
    """The log's name where nobody chose one."""
    return f"strongroom/{deployment.hex()[:16]}"


def generated(
    handle: NamespaceHandle, deployment: bytes, *, origin: str, generation: int, now_us: int
) -> LogKeys:
    """New keys of that generation, wrapped by the namespace's key."""

    def pair(algorithm: Algorithm) -> LogPair:
        made = handle.generate(algorithm, _binding(deployment, generation, algorithm))
        return LogPair(made.wrapped, made.public)

    return LogKeys(
        origin, generation, pair(Algorithm.ED25519), pair(Algorithm.ML_DSA_44), created_us=now_us
    )


def log_record(
    sealing: Sealing, body: LogKeys, *, namespace: bytes, revision: int = 1, request: str
) -> Record:
    """The record that keeps them."""
    return sealing.seal(
        Kind.LOG, LOG_ID, body, namespace=namespace, revision=revision, request=request
    )


class LogVerifier:
    """Knows the log's signatures. Raises `TlogError` for everything that it has not signed."""

    def __init__(self, body: LogKeys, public_keys: PublicKeys) -> None:
        self._policy = Policy(
            tuple(
                _Verifier(body.name, algorithm, pair.public, public_keys)
                for algorithm, pair in _pairs(body)
            )
        )

    @property
    def vkeys(self) -> tuple[str, ...]:
        """What an auditor needs to verify this log, and nothing else."""
        return tuple(str(verifier.vkey) for verifier in self._policy.log)

    def trusted(self, raw: bytes) -> tuple[Checkpoint, Note]:
        """The checkpoint in this note, which both keys have signed. Raises `TlogError`."""
        note = notes.parse(raw)
        return self._policy.trusted(note), note


class LogSigner:
    """The opened keys. Raises `TamperedRecord` when they do not open."""

    def __init__(self, body: LogKeys, handle: NamespaceHandle, deployment: bytes) -> None:
        self._name = body.name
        self._keys = []
        for algorithm, pair in _pairs(body):
            binding = _binding(deployment, body.generation, algorithm)
            opened = handle.open(algorithm, Purpose.SIGN_VERIFY, pair.wrapped, binding)
            if not isinstance(opened, Signer):
                raise RuntimeError("a log key that does not sign")  # noqa: TRY004 - not a matter of types
            self._keys.append((_SCHEMES[algorithm][0], _vkey(body.name, algorithm, pair), opened))

    def sign(self, size: int, root: bytes, now_us: int) -> Note:
        """The checkpoint of that tree, signed by both. The caller knows that it may be signed."""
        text = Checkpoint(self._name, size, root).text
        now_seconds = now_us // 1_000_000
        signatures = []
        for scheme, vkey, key in self._keys:
            cosigns = vkey.algorithm in cosignatures.SIGNATURE_BYTES
            message = cosignatures.message(vkey, text, now_seconds) if cosigns else text.encode()
            blob = key.sign(scheme, message, digest=False, context=b"")
            if cosigns:
                blob = cosignatures.join(now_seconds, blob)
            signatures.append(notes.Signature(vkey.name, vkey.key_id, blob))
        return Note(text, tuple(signatures))


class _Verifier:
    """The `Verifier` of `tlog/notes.py` over the provider."""

    def __init__(
        self, name: str, algorithm: Algorithm, public: bytes, public_keys: PublicKeys
    ) -> None:
        self.vkey = _vkey(name, algorithm, LogPair(b"", public))
        self._algorithm = algorithm
        self._public = public
        self._public_keys = public_keys

    def verify(self, text: str, blob: bytes) -> bool:
        """Whether that is the key's signature of the text."""
        try:
            message, signature = cosignatures.signed(self.vkey, text, blob)
        except TlogError:
            return False
        return self._public_keys.verify(
            self._algorithm, _SCHEMES[self._algorithm][0], self._public, message, signature,
            digest=False, context=b"",
        )  # fmt: skip


async def log_of(ledger: Ledger, sealing: Sealing) -> LogKeys:
    """The log's keys and name. Raises `TamperedRecord`, also when they are gone; `Unavailable`."""
    (record,) = await ledger.load([Ref(Kind.LOG, LOG_ID)])
    if record is None:
        raise TamperedRecord
    return open_log(sealing, record)


def open_log(sealing: Sealing, record: Record) -> LogKeys:
    """The record's body. Raises `TamperedRecord`."""
    return sealing.open(record, LogKeys, expected=(Kind.LOG, LOG_ID))


def verifier_of(body: LogKeys, provider: Provider) -> LogVerifier:
    """What knows this log's signatures."""
    return LogVerifier(body, provider.public_keys)


def _pairs(body: LogKeys) -> tuple[tuple[Algorithm, LogPair], ...]:
    return (Algorithm.ED25519, body.ed25519), (Algorithm.ML_DSA_44, body.ml_dsa_44)


def _vkey(name: str, algorithm: Algorithm, pair: LogPair) -> VKey:
    kind = _SCHEMES[algorithm][1]
    # SubjectPublicKeyInfo ends with the public key itself (RFC 8410, RFC 9881).
    return VKey(name, kind, pair.public[-vkeys.PUBLIC_BYTES[kind] :])


def _binding(deployment: bytes, generation: int, algorithm: Algorithm) -> bytes:
    """What a log key is wrapped with: no other deployment's or generation's opens in its place."""
    return bind(_BINDING, deployment, generation.to_bytes(4, "big"), algorithm.encode())
