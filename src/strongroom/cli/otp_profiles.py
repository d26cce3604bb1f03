"""`strongroom otp profile ...`: defaults and floors for credentials."""

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from strongroom.cli import files, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import Failure, usage
from strongroom.cli.session import Session

if TYPE_CHECKING:
    from strongroom.domain.otp.asks import OTPProfileView, WriteProfile

app = typer.Typer(no_args_is_help=True, help="OTP profiles: defaults and floors for credentials.")

_BYTES_MAX: Final = 64 * 1024
ProfileName = Annotated[str, typer.Argument(metavar="NAME", help="The profile's name.")]


@command(app, "list")
def list_(at: Session) -> None:
    """List the OTP profiles. `default` holds where no other is named."""
    from strongroom.client import otp

    answer = at.ask(otp.list_profiles())
    if at.json:
        at.show_json(answer)
        return
    screen.show_table(
        ("profile", "codes", "windows", "after failures", "grace", "revision"),
        [
            (
                each.name,
                f"{each.type}, {each.algorithm}, {each.digits} digits",
                f"{each.drift_window} steps, {each.look_ahead} counters",
                f"{each.lock_limit}: {each.lockout}",
                f"{each.grace_seconds // 86_400} days",
                str(each.revision) if each.revision else "as by default",
            )
            for each in answer.items
        ],
    )


@command(app, "show")
def show(at: Session, name: ProfileName) -> None:
    """Show an OTP profile as TOML, in the form that `write` takes."""
    from strongroom.client import otp

    answer = at.ask(otp.list_profiles())
    found = next((each for each in answer.items if each.name == name), None)
    if found is None:
        raise usage(f"There is no OTP profile {name}.", "strongroom otp profile list shows them.")
    if at.json:
        at.show_json(found)
    else:
        sys.stdout.write(_toml(found))


@command(app, "write")
def write(
    at: Session,
    name: ProfileName,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Its settings, as TOML; `-`: standard input.")
    ] = "-",
) -> None:
    """Write an OTP profile, as a whole: what is not in the file is as by default.

    It holds at once and everywhere, for the credentials that there are, too.
    """
    from strongroom.client import otp

    at.needs("otp.write-profile", name)
    answer = at.ask(otp.write_profile(name, _read(file)))
    if at.json:
        at.show_json(answer)
    else:
        screen.done(f"The OTP profile {answer.name} is written (revision {answer.revision}).")


@command(app, "delete")
def delete(at: Session, name: ProfileName) -> None:
    """Delete an OTP profile. Its credentials go on by the default one."""
    from strongroom.client import otp

    at.ask(otp.delete_profile(name))
    screen.done(f"The OTP profile {name} is gone.")


def _read(file: str) -> "WriteProfile":
    import tomllib

    import msgspec

    from strongroom.domain.otp.asks import WriteProfile

    raw = files.read(file, _BYTES_MAX, Failure(Exit.USAGE, f"{file} is too long for a profile."))
    try:
        return msgspec.convert(tomllib.loads(raw.decode()), WriteProfile)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise usage(f"{file} is not TOML: {error}.") from None
    except msgspec.ValidationError as error:
        raise usage(f"{file} is no OTP profile: {error}.") from None


def _toml(profile: "OTPProfileView") -> str:
    lines = []
    for name in profile.__struct_fields__:
        value = getattr(profile, name)
        if name not in ("name", "revision") and value != "":
            lines.append(f"{name} = {value if isinstance(value, int) else _quoted(value)}")
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    return '"' + screen.neutral(str(text)) + '"'
