"""`strongroom key ...`: material from elsewhere."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from strongroom.cli import arguments, blobs, delivery, files, key_view, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage
from strongroom.cli.life import confirm
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.domain.transfers import Wrapping

_MATERIAL: Final = blobs.Kind(
    "material", "wrapped material", limits.IMPORT_BYTES_MAX, "IMPORT_BYTES_MAX", Exit.REFUSED
)
WrappingKey = Annotated[
    str,
    typer.Option(
        "--wrapping-key",
        metavar="NAME",
        help="The size of the key to wrap with: rsa-2048, rsa-3072 or rsa-4096.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add them to `strongroom key`."""

    @command(app, "import-parameters")
    def import_parameters(
        at: Session,
        name: arguments.KeyName,
        out: Annotated[
            str | None,
            typer.Option("--out", metavar="FILE", help="Write the wrapping key to this file, PEM."),
        ] = None,
        wrapping_key: WrappingKey = "rsa-4096",
        wrapping: Annotated[
            str,
            typer.Option(
                "--wrapping", metavar="NAME", help="The one wrapping that the import will take."
            ),
        ] = "",
        force: arguments.Force = False,
    ) -> None:
        """Get a public key to wrap material for, and the token to hand it in with.

        For who wraps elsewhere, in an HSM above all; `key import --from` does all of it. Good for
        a day and one import.
        """
        from strongroom.client import transfers

        at.needs("key.import-parameters", name)
        if out in {None, files.PIPE} and not at.json and not at.only_shows:
            raise usage(
                "The wrapping key needs a file: the token is on standard output.",
                "Name one with --out FILE, or take both as --output json.",
            )
        part = delivery.Part(
            field="public_key", name="the wrapping key", target=out, form=blobs.public_pem
        )
        delivery.check(at, [part], force=force)
        how = _known(wrapping) if wrapping else ""
        answer = at.ask(transfers.import_parameters(name, wrapping_key=wrapping_key, wrapping=how))
        if at.json or part.file is None:
            delivery.deliver(at, answer, [part], force=force)
            return
        files.write(part.file, answer.pem.encode(), mode=0o666, force=force)
        screen.show_facts(
            (
                ("import token", answer.import_token),
                ("wrapping key", f"{answer.wrapping_key}, in {part.file}"),
                ("expires", screen.moment(answer.expires)),
            )
        )
        screen.note(
            f"Then: strongroom key import {name} --import-token {answer.import_token}"
            " --material FILE"
        )

    @command(app, "import")
    def import_(
        at: Session,
        name: arguments.KeyName,
        source: Annotated[
            str | None,
            typer.Option(
                "--from",
                metavar="FILE",
                help="The material itself: bytes, or a private key as PEM or DER (PKCS#8). It is"
                " wrapped on this machine.",
            ),
        ] = None,
        import_token: Annotated[
            str | None,
            typer.Option(
                "--import-token", metavar="ID", help="With --material: from import-parameters."
            ),
        ] = None,
        material: Annotated[
            str | None,
            typer.Option("--material", metavar="FILE", help="Material that is wrapped already."),
        ] = None,
        wrapping: arguments.WrappingName = arguments.WRAPPING,
        wrapping_key: WrappingKey = "rsa-4096",
        expires: Annotated[
            str | None,
            typer.Option(
                "--expires", metavar="TIME", help="Erase it then: RFC 3339, or +30d, +12h from now."
            ),
        ] = None,
        key_version: Annotated[
            int | None,
            typer.Option(
                "--key-version",
                metavar="N",
                min=1,
                help="The same material again, for a version whose material is gone, or has not"
                " come to this replica yet.",
            ),
        ] = None,
        waits: Annotated[
            bool,
            typer.Option(
                "--waits",
                help="Use it only when the key is rotated; with replicas, once it is in each, too.",
            ),
        ] = False,
    ) -> None:
        """Bring a key's material in: its first, or its next version.

        The key was made with --origin imported. `--from FILE` gets the parameters, wraps the
        material on this machine and hands it in. Delete the file when you need it no more.
        """
        from strongroom.client import transfers

        arguments.only_one({"--from": source is not None, "--material": material is not None})
        arguments.only_one({"--from": source is not None, "--import-token": bool(import_token)})
        end = arguments.moment(expires, "--expires") or ""
        if source is not None:
            at.needs("key.import", name, before="key.import-parameters")
            import_token, sealed = _wrapped_here(at, name, source, wrapping, wrapping_key)
        else:
            at.needs("key.import", name)
            if import_token is None or material is None:
                raise usage("Give --from FILE, or --import-token ID and --material FILE.")
            arguments.not_a_token(import_token)
            sealed = blobs.read(material, _MATERIAL)
        call = transfers.import_material(
            name,
            sealed,
            import_token=import_token,
            wrapping=wrapping,
            expires=end,
            key_version=key_version,
            waits=waits,
        )
        key_view.show(at, at.ask(call))

    @command(app, "delete-material")
    def delete_material(
        at: Session,
        name: arguments.KeyName,
        key_version: arguments.KeyVersion = None,
        yes: arguments.Yes = False,
    ) -> None:
        """Erase imported material at once. Only the same can be imported again."""
        from strongroom.client import transfers

        at.needs("key.delete-imported-material", name)
        version = f"version {key_version}" if key_version else "the current version"
        confirm(
            at,
            f"The material of {version} of {name} is erased now; only who has it elsewhere can"
            " import it again.",
            yes=yes,
        )
        key_view.show(at, at.ask(transfers.delete_imported_material(name, key_version=key_version)))


def _wrapped_here(
    at: Session, name: str, source: str, wrapping: str, wrapping_key: str
) -> tuple[str, bytes]:
    """An import token and the file's material, wrapped for the key that came with it."""
    from strongroom.client import transfers
    from strongroom.client.wrapping import material_in, wrapped

    if at.prints_curl:
        raise usage(
            "--from takes two requests, and the second has in it what the first one answers.",
            "`key import-parameters` and `key import --material` print theirs.",
        )
    how = _known(wrapping)
    material = material_in(_read(source))
    parameters = at.ask(transfers.import_parameters(name, wrapping_key=wrapping_key, wrapping=how))
    return parameters.import_token, wrapped(material, parameters.public_key, how)


def _read(source: str) -> bytes:
    too_long = Failure(
        Exit.REFUSED,
        f"The material is longer than any: {limits.IMPORT_BYTES_MAX:,} bytes (IMPORT_BYTES_MAX).",
    )
    content = files.read(source, limits.IMPORT_BYTES_MAX, too_long)
    if not content:
        raise CommandError(Failure(Exit.REFUSED, "The material is empty. Nothing was sent."))
    return content


def _known(wrapping: str) -> "Wrapping":
    from strongroom.domain.transfers import Wrapping

    try:
        return Wrapping(wrapping)
    except ValueError:
        raise usage(f"--wrapping is one of: {', '.join(Wrapping)}.") from None
