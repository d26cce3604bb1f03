"""`strongroom data-key`, `data-key-pair` and `random`: keys for the caller's own use."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from strongroom.cli import arguments, blobs, delivery
from strongroom.cli.command import command
from strongroom.cli.session import Session

NoPlaintext = Annotated[
    bool,
    typer.Option("--no-plaintext", help="Only the ciphertext: for a key that is used later."),
]
Bytes = Annotated[int, typer.Option("--bytes", metavar="N", min=1, max=1024, help="How many.")]


class KeyFormat(StrEnum):
    """How a key is written."""

    PEM = "pem"
    DER = "der"


def register(app: typer.Typer, panel: str) -> None:
    """Add them to the app."""

    @command(app, "data-key", panel=panel)
    def data_key(
        at: Session,
        key: arguments.Key,
        size: Bytes = 32,
        context: arguments.Context = None,
        no_plaintext: NoPlaintext = False,
        out: arguments.SecretOut = None,
        ciphertext: arguments.CiphertextOut = None,
        raw: Annotated[
            bool, typer.Option("--raw", help="The ciphertext as bytes instead of base64 text.")
        ] = False,
        force: arguments.Force = False,
    ) -> None:
        """Make a key to encrypt with yourself, and its ciphertext, which `decrypt` opens.

        Keep the ciphertext beside what you encrypt, and forget the key. The server remembers
        neither. The key is bytes and goes to --out or a pipe, the ciphertext to --ciphertext; one
        of both can go to standard output.
        """
        from strongroom.client import uses

        at.needs("key.generate-data-key", key)
        given = arguments.pairs(context, "--context")
        parts = [_ciphertext(ciphertext, raw=raw)]
        if no_plaintext:
            _no_secret(out)
        else:
            parts.append(
                delivery.Part(
                    field="plaintext",
                    name="the data key",
                    target=out,
                    secret=True,
                    form=blobs.raw,
                )
            )
        delivery.check(at, parts, force=force)
        call = uses.generate_data_key(key, given, size_bytes=size, with_plaintext=not no_plaintext)
        answer = at.ask(call)
        by = f" (by version {answer.key_version} of {key})"
        delivery.deliver(at, answer, parts, force=force, by=by)

    @command(app, "data-key-pair", panel=panel)
    def data_key_pair(
        at: Session,
        key: arguments.Key,
        algorithm: Annotated[
            str, typer.Option("--algorithm", metavar="NAME", help="Such as ec-p256 or rsa-3072.")
        ],
        context: arguments.Context = None,
        no_plaintext: NoPlaintext = False,
        out: arguments.SecretOut = None,
        ciphertext: arguments.CiphertextOut = None,
        public: Annotated[
            str | None,
            typer.Option("--public", metavar="FILE", help="Write the public key to this file."),
        ] = None,
        form: Annotated[
            KeyFormat,
            typer.Option("--format", metavar="pem|der", help="How both keys are written."),
        ] = KeyFormat.PEM,
        raw: Annotated[
            bool, typer.Option("--raw", help="The ciphertext as bytes instead of base64 text.")
        ] = False,
        force: arguments.Force = False,
    ) -> None:
        """Make a key pair for yourself, and the private key's ciphertext, which `decrypt` opens.

        The private key (PKCS#8) goes to --out or a pipe, the public key to --public, the
        ciphertext to --ciphertext; one of them can go to standard output.
        """
        from strongroom.client import uses

        at.needs("key.generate-data-key-pair", key)
        given = arguments.pairs(context, "--context")
        is_pem = form is KeyFormat.PEM
        parts = [
            _ciphertext(ciphertext, raw=raw),
            delivery.Part(
                field="public_key",
                name="the public key",
                target=public,
                option="--public",
                form=blobs.public_pem if is_pem else blobs.raw,
            ),
        ]
        if no_plaintext:
            _no_secret(out)
        else:
            parts.append(
                delivery.Part(
                    field="private_key",
                    name="the private key",
                    target=out,
                    secret=True,
                    form=blobs.private_pem if is_pem else blobs.raw,
                )
            )
        delivery.check(at, parts, force=force)
        call = uses.generate_data_key_pair(
            key, given, algorithm=algorithm, with_plaintext=not no_plaintext
        )
        answer = at.ask(call)
        by = f" (by version {answer.key_version} of {key})"
        delivery.deliver(at, answer, parts, force=force, by=by)

    @command(app, "random", panel=panel)
    def random(
        at: Session,
        size: Bytes = 32,
        out: arguments.SecretOut = None,
        force: arguments.Force = False,
    ) -> None:
        """Get random bytes: bytes to a file or a pipe, base64 text to a terminal."""
        from strongroom.client import uses

        at.needs("random.generate")
        shown = out is None and sys.stdout.isatty()
        part = delivery.Part(
            field="random",
            name="the random bytes",
            target=out,
            # Whoever lets them go to a terminal wants to look at them.
            secret=not shown,
            form=blobs.text if shown else blobs.raw,
        )
        delivery.check(at, [part], force=force)
        answer = at.ask(uses.generate_random(size))
        delivery.deliver(at, answer, [part], force=force)


def _ciphertext(target: str | None, *, raw: bool) -> delivery.Part:
    return delivery.Part(
        field="ciphertext",
        name="the ciphertext",
        target=target,
        option="--ciphertext",
        form=blobs.raw if raw else blobs.text,
    )


def _no_secret(out: str | None) -> None:
    arguments.only_one({"--no-plaintext": True, "--out": out is not None})
