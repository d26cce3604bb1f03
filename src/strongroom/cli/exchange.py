"""`strongroom agree`, `encapsulate`, `decapsulate`, `wrap` and `unwrap`."""

from typing import Final

import typer

from strongroom.cli import arguments, blobs, delivery, files
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import Failure
from strongroom.cli.session import Session
from strongroom.domain import limits


def register(app: typer.Typer, panel: str) -> None:
    """Add them to the app."""

    @command(app, "agree", panel=panel)
    def agree(
        at: Session,
        key: arguments.Key,
        source: arguments.Source = files.PIPE,
        key_version: arguments.KeyVersion = None,
        out: arguments.SecretOut = None,
        force: arguments.Force = False,
    ) -> None:
        """Agree on a secret with the owner of a public key: ECDH or X25519.

        The public key is read, as PEM, DER or base64 of it. Derive keys from the secret (HKDF); do
        not use it as one.
        """
        from strongroom.client import uses

        at.needs("key.agree", key)
        part = _secret("shared_secret", "the shared secret", out)
        delivery.check(at, [part], force=force)
        public = blobs.read(source, blobs.PUBLIC_KEY)
        answer = at.ask(uses.agree(key, public, key_version=key_version))
        delivery.deliver(at, answer, [part], force=force, by=_by(answer.key_version, key))

    @command(app, "encapsulate", panel=panel)
    def encapsulate(
        at: Session,
        key: arguments.Key,
        scheme: arguments.Scheme = None,
        out: arguments.SecretOut = None,
        ciphertext: arguments.CiphertextOut = None,
        raw: arguments.Raw = False,
        force: arguments.Force = False,
    ) -> None:
        """Make a secret, and a ciphertext that whoever may use the key decapsulates it from.

        The secret goes to --out or a pipe, the ciphertext to --ciphertext; one of both can go to
        standard output.
        """
        from strongroom.client import uses

        at.needs("key.encapsulate", key)
        parts = [
            delivery.Part(
                field="ciphertext",
                name="the ciphertext",
                target=ciphertext,
                option="--ciphertext",
                form=blobs.raw if raw else blobs.text,
            ),
            _secret("shared_secret", "the shared secret", out),
        ]
        delivery.check(at, parts, force=force)
        answer = at.ask(uses.encapsulate(key, scheme=scheme))
        delivery.deliver(at, answer, parts, force=force, by=_by(answer.key_version, key))

    @command(app, "decapsulate", panel=panel)
    def decapsulate(
        at: Session,
        key: arguments.Key,
        source: arguments.Source = files.PIPE,
        scheme: arguments.Scheme = None,
        key_version: arguments.KeyVersion = None,
        out: arguments.SecretOut = None,
        force: arguments.Force = False,
    ) -> None:
        """Open an encapsulated secret, base64 text or bytes.

        With ML-KEM, an altered ciphertext gives another secret and no failure: use it only where
        that will be noticed, as any authenticated encryption does.
        """
        from strongroom.client import uses

        at.needs("key.decapsulate", key)
        part = _secret("shared_secret", "the shared secret", out)
        delivery.check(at, [part], force=force)
        blob = blobs.read(source, blobs.ENCAPSULATION)
        answer = at.ask(uses.decapsulate(key, blob, scheme=scheme, key_version=key_version))
        delivery.deliver(at, answer, [part], force=force, by=_by(answer.key_version, key))

    @command(app, "wrap", panel=panel)
    def wrap(
        at: Session,
        key: arguments.Key,
        source: arguments.Source = files.PIPE,
        scheme: arguments.Scheme = None,
        out: arguments.Out = None,
        raw: arguments.Raw = False,
        force: arguments.Force = False,
    ) -> None:
        """Wrap key material of yours, which is read as bytes.

        The result is one line of base64 text.
        """
        from strongroom.client import uses

        at.needs("key.wrap", key)
        part = delivery.Part(
            field="wrapped",
            name="the wrapped key",
            target=out,
            form=blobs.raw if raw else blobs.text,
        )
        delivery.check(at, [part], force=force)
        material = files.read(source, limits.KEY_BLOB_BYTES_MAX, _TOO_LONG)
        answer = at.ask(uses.wrap(key, material, scheme=scheme))
        delivery.deliver(at, answer, [part], force=force, by=_by(answer.key_version, key))

    @command(app, "unwrap", panel=panel)
    def unwrap(
        at: Session,
        key: arguments.Key,
        source: arguments.Source = files.PIPE,
        scheme: arguments.Scheme = None,
        key_version: arguments.KeyVersion = None,
        out: arguments.SecretOut = None,
        force: arguments.Force = False,
    ) -> None:
        """Unwrap key material, base64 text or bytes. What comes out is the material as bytes."""
        from strongroom.client import uses

        at.needs("key.unwrap", key)
        part = _secret("material", "the key material", out)
        delivery.check(at, [part], force=force)
        blob = blobs.read(source, blobs.WRAPPED)
        answer = at.ask(uses.unwrap(key, blob, scheme=scheme, key_version=key_version))
        delivery.deliver(at, answer, [part], force=force, by=_by(answer.key_version, key))


_TOO_LONG: Final = Failure(
    Exit.REFUSED,
    f"The input is longer than {limits.KEY_BLOB_BYTES_MAX:,} bytes, the longest key that is wrapped"
    " (KEY_BLOB_BYTES_MAX).",
)


def _secret(field: str, name: str, out: str | None) -> delivery.Part:
    return delivery.Part(field=field, name=name, target=out, secret=True, form=blobs.raw)


def _by(version: int, key: str) -> str:
    return f" (by version {version} of {key})"
