"""`strongroom key ...`: keys and their material on the way out, and whole keys back."""

from typing import Annotated, Final

import typer

from strongroom.cli import arguments, blobs, delivery, key_view
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.session import Session
from strongroom.domain import limits

_BACKUP: Final = blobs.Kind(
    "backup", "backup", limits.BACKUP_BYTES_MAX, "BACKUP_BYTES_MAX", Exit.INVALID_CIPHERTEXT
)


def register(app: typer.Typer) -> None:
    """Add them to `strongroom key`."""

    @command(app, "export")
    def export(
        at: Session,
        name: arguments.KeyName,
        to: Annotated[
            str,
            typer.Option(
                "--to", metavar="FILE", help="The RSA public key to wrap for: PEM, DER or base64."
            ),
        ],
        out: arguments.Out = None,
        wrapping: arguments.WrappingName = arguments.WRAPPING,
        key_version: arguments.KeyVersion = None,
        raw: arguments.Raw = False,
        force: arguments.Force = False,
    ) -> None:
        """Take an exportable key's material out, wrapped for a public key of yours."""
        from strongroom.client import transfers

        at.needs("key.export", name)
        part = delivery.Part(
            field="wrapped_material",
            name="the wrapped material",
            target=out,
            form=blobs.raw if raw else blobs.text,
        )
        delivery.check(at, [part], force=force)
        public = blobs.read(to, blobs.PUBLIC_KEY)
        call = transfers.export_material(name, public, wrapping=wrapping, key_version=key_version)
        answer = at.ask(call)
        by = f" (version {answer.key_version} of {name}, {answer.wrapping})"
        delivery.deliver(at, answer, [part], force=force, by=by)

    @command(app, "backup")
    def backup(
        at: Session,
        name: arguments.KeyName,
        out: Annotated[
            str | None,
            typer.Option("--out", metavar="FILE", help="Write it to this file, with mode 0600."),
        ] = None,
        force: arguments.Force = False,
    ) -> None:
        """Take a whole key out as an opaque file, which opens where the same root key is."""
        from strongroom.client import transfers

        at.needs("key.backup", name)
        part = delivery.Part(
            field="backup", name="the backup", target=out, secret=True, form=blobs.raw
        )
        delivery.check(at, [part], force=force)
        answer = at.ask(transfers.backup_key(name))
        count = f"{answer.versions} version{'' if answer.versions == 1 else 's'}"
        delivery.deliver(at, answer, [part], force=force, by=f" ({count} of {name})")

    @command(app, "restore")
    def restore(
        at: Session,
        source: Annotated[str, typer.Argument(metavar="FILE", help="What `key backup` wrote.")],
        name: Annotated[
            str | None, typer.Option("--name", metavar="NAME", help="Another name for it here.")
        ] = None,
    ) -> None:
        """Bring a backup's key back, where there is none: a destroyed key stays destroyed."""
        from strongroom.client import transfers

        at.needs("key.restore", name or "")
        blob = blobs.read(source, _BACKUP)
        key_view.show(at, at.ask(transfers.restore_key(blob, name=name)))
