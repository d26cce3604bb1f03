"""How records are sealed and opened: JSON bodies, and a MAC over everything that a row is."""

from functools import cache
from typing import TypeVar

import msgspec

from strongroom.domain.binding import bind
from strongroom.domain.errors import TamperedRecord
from strongroom.domain.records import Kind, Record
from strongroom.ports.provider import Provider

Body = TypeVar("Body", bound=msgspec.Struct)


class Sealing:
    """Seals and opens the records of one deployment."""

    def __init__(self, provider: Provider, deployment: bytes) -> None:
        self._provider = provider
        self.deployment = deployment

    def seal(  # noqa: PLR0913 - a record's columns
        self,
        kind: Kind,
        record_id: bytes,
        body: msgspec.Struct,
        *,
        namespace: bytes,
        name: str = "",
        revision: int = 1,
        request: str,
    ) -> Record:
        """A record with its MAC."""
        bare = Record(
            kind, record_id, namespace, name, revision, request, msgspec.json.encode(body)
        )
        mac = self._provider.mac(bare.authenticated(self.deployment))
        return msgspec.structs.replace(bare, mac=mac)

    def open(self, record: Record, body: type[Body], *, expected: tuple[Kind, bytes]) -> Body:
        """The body of an untouched record. Raises `TamperedRecord` for any other.

        `expected` is what was asked for: a store that answers with another row is not believed.
        """
        if (record.kind, record.id) != expected:
            raise TamperedRecord
        self._provider.check_mac(record.authenticated(self.deployment), record.mac)
        opened: Body = decoder(body).decode(record.body)
        return opened

    def namespace_binding(self, namespace: bytes) -> bytes:
        """What a namespace key is wrapped with."""
        return bind(b"strongroom/namespace-key/1", self.deployment, namespace)

    def audit_key_binding(self, namespace: bytes, part: str, generation: int) -> bytes:
        """What one of a namespace's audit keys is wrapped with."""
        return bind(
            b"strongroom/audit-key/1",
            self.deployment,
            namespace,
            part.encode(),
            generation.to_bytes(4, "big"),
        )

    def access_key_binding(self, namespace: bytes, token: bytes) -> bytes:
        """What the secret of an access key is wrapped with."""
        return bind(b"strongroom/access-key/1", self.deployment, namespace, token)

    def version_binding(
        self, *, namespace: bytes, key: bytes, version: int, purpose: str, algorithm: str
    ) -> bytes:
        """What a version's material is wrapped with."""
        return bind(
            b"strongroom/key-version/1",
            self.deployment,
            namespace,
            key,
            version.to_bytes(4, "big"),
            purpose.encode(),
            algorithm.encode(),
        )


@cache
def decoder(body: type[Body]) -> msgspec.json.Decoder[Body]:
    """The decoder of a kind of body."""
    return msgspec.json.Decoder(body)
