"""A webhook: lines in the body of an HTTPS POST, signed as Standard Webhooks has it.

    webhook-id: NAME-FIRST-LAST-HASH  the sink's name, the positions of the first and the last
                                      entry, and the beginning of the body's SHA-256
    webhook-timestamp: SECONDS        since 1970
    webhook-signature: v1,BASE64      HMAC-SHA256 of `id.timestamp.body`

A receiver that checks the signature and the time knows that the entries are ours and that nobody
repeats an old request. Any status from 200 to 299 says that it has them; a redirect does not.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from strongroom.adapters.files import read_private
from strongroom.adapters.posting import Poster, PostFailed
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.clock import Clock
from strongroom.ports.seal import SealRefused
from strongroom.ports.sinks import Parcel, SinkFailed, WebhookSettings

_PREFIX: Final = b"whsec_"
_FILE_BYTES_MAX: Final = 256
_SECRET_BYTES_MIN, _SECRET_BYTES_MAX = 24, 64  # as the standard says
_HASH_CHARACTERS: Final = 16
_SUCCESS: Final = range(200, 300)


class WebhookSink:
    """See `ports/sinks.py`. Raises `ValueError` when the secret, URL or a file cannot be used."""

    def __init__(self, settings: WebhookSettings, media_type: str, clock: Clock) -> None:
        self._name = settings.name
        self._secret = read_secret(Path(settings.secret_file))
        self._poster = Poster(
            settings.url,
            ca=settings.tls_ca,
            certificate=settings.tls_certificate,
            key=settings.tls_key,
        )
        self._media_type = media_type
        self._clock = clock

    def send(self, parcels: Sequence[Parcel]) -> bool:
        """Post them in one request."""
        body = b"".join(parcel.line for parcel in parcels)
        # The hash, for a restored log has other entries at the same positions.
        content = hashlib.sha256(body).hexdigest()[:_HASH_CHARACTERS]
        number = f"{self._name}-{parcels[0].position}-{parcels[-1].position}-{content}"
        seconds = str(self._clock.now_us() // 1_000_000)
        headers = {
            "Content-Type": self._media_type,
            "User-Agent": "Strongroom",
            "webhook-id": number,
            "webhook-timestamp": seconds,
            "webhook-signature": signature(self._secret, number, seconds, body),
        }
        try:
            status, _ = self._poster.post(body, headers)
        except PostFailed as error:
            raise SinkFailed(str(error)) from error
        if status not in _SUCCESS:
            raise SinkFailed(f"it answers with status {status}")
        return True

    def settle(self) -> None:
        """Nothing: what was sent was answered."""

    def close(self) -> None:
        """Hang up."""
        self._poster.close()


def signature(secret: Sensitive, number: str, seconds: str, body: bytes) -> str:
    """The value of `webhook-signature`."""
    # Neither an id nor a time has a dot, so that no two requests share these bytes.
    signed = f"{number}.{seconds}.".encode() + body
    # The one use that the secret has.
    code = hmac.new(secret.reveal(), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(code).decode()}"


def read_secret(path: Path) -> Sensitive:
    """`whsec_` and 24 to 64 bytes in base64, in a file for nobody else. Raises `ValueError`."""
    try:
        content = read_private(path, _FILE_BYTES_MAX).strip()
    except SealRefused as refusal:
        raise ValueError(str(refusal)) from refusal
    try:
        secret = base64.b64decode(content.removeprefix(_PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not content.startswith(_PREFIX) or not _SECRET_BYTES_MIN <= len(secret) <= _SECRET_BYTES_MAX:
        raise ValueError(
            f"{path} is not a webhook's secret: whsec_ and the base64 of 24 to 64 random bytes"
        )
    return Sensitive(secret)
