"""`strongroom re-encrypt`."""

from typing import Annotated

import typer

from strongroom.cli import arguments, blobs, delivery, files
from strongroom.cli.command import command
from strongroom.cli.session import Session


def register(app: typer.Typer, panel: str) -> None:
    """Add it to the app."""

    @command(app, "re-encrypt", panel=panel)
    def re_encrypt(
        at: Session,
        key: Annotated[str, typer.Argument(metavar="KEY", help="The new key's name.")],
        source: arguments.Source = files.PIPE,
        context: arguments.Context = None,
        new_context: Annotated[
            list[str] | None,
            typer.Option(
                "--new-context",
                metavar="NAME=VALUE",
                help="A pair of the new context. Without any, it stays the same. Repeatable.",
            ),
        ] = None,
        no_new_context: Annotated[
            bool, typer.Option("--no-new-context", help="Take the context off.")
        ] = False,
        out: arguments.Out = None,
        raw: arguments.Raw = False,
        force: arguments.Force = False,
    ) -> None:
        """Turn a ciphertext of any key into one of this. The plaintext stays in the server.

        --context is what the ciphertext was made with. The right is needed for both keys.
        """
        from strongroom.client import uses

        at.needs("key.re-encrypt", key)
        arguments.only_one({"--new-context": bool(new_context), "--no-new-context": no_new_context})
        old = arguments.pairs(context, "--context")
        new = arguments.pairs(new_context, "--new-context")
        part = delivery.Part(
            field="ciphertext",
            name="the ciphertext",
            target=out,
            form=blobs.raw if raw else blobs.text,
        )
        delivery.check(at, [part], force=force)
        blob = blobs.read(source, blobs.CIPHERTEXT)
        changed = new if new or no_new_context else None
        answer = at.ask(uses.re_encrypt(key, blob, old, new_context=changed))
        by = (
            f" (version {answer.source_version} of {answer.source_key}"
            f" to version {answer.key_version} of {key})"
        )
        delivery.deliver(at, answer, [part], force=force, by=by)
