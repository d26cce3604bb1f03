"""The profile file: where a server is and the token for it, by name.

It is TOML:

    [default]
    url = "https://kms.example:7600"
    token = "srt_..."
    ca_file = "/etc/ssl/kms-ca.pem"
"""

import os
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from strongroom.cli.failures import usage

_FIELDS: Final = {"url", "token", "ca_file"}
_BYTES_MAX: Final = 1024 * 1024  # far above any honest one


@dataclass(frozen=True, slots=True)
class Profile:
    """A server and what is needed to talk to it. The token is left out of `repr`."""

    name: str
    url: str
    token: str = field(default="", repr=False)
    ca_file: str | None = None


def path() -> Path | None:
    """Where the file is looked for. None where there is no home directory to look in."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    # The XDG specification: a path that is not absolute is to be ignored.
    try:
        home = Path(configured) if configured.startswith("/") else Path.home() / ".config"
    except RuntimeError:  # a container's user without a line in /etc/passwd
        return None
    return home / "strongroom" / "profiles.toml"


def exists(file: Path | None) -> bool:
    """Whether there is a file. Raises `CommandError` if that cannot even be found out."""
    try:
        return file is not None and file.exists()
    except OSError as error:
        raise usage(f"{file} cannot be read: {error.strerror}.") from None


def load(name: str, file: Path | None) -> Profile:
    """The profile of that name. `CommandError` for a file that others can read, and for none."""
    if file is None:
        raise usage("There is no home directory, and so no profile file: set HOME.")
    table = _read(file).get(name)
    if not isinstance(table, dict):
        raise usage(f"There is no profile {name!r} in {file}.")
    unknown = sorted(set(table) - _FIELDS)
    if unknown or not all(isinstance(value, str) for value in table.values()):
        raise usage(
            f"The profile {name!r} in {file} is not understood.",
            f"It has url, token and ca_file, all text; not {', '.join(unknown)}."
            if unknown
            else "url, token and ca_file are text in quotes.",
        )
    if not table.get("url"):
        raise usage(f"The profile {name!r} in {file} has no url.")
    return Profile(name, table["url"], table.get("token", ""), table.get("ca_file"))


def _read(file: Path) -> dict[str, object]:
    try:
        with file.open("rb") as stream:
            # Of the open file, not of the path: between two looks at a path it can be another file.
            facts = os.fstat(stream.fileno())
            if stat.S_IMODE(facts.st_mode) & 0o077:
                raise usage(
                    f"{file} holds tokens and can be read by others; it was not used.",
                    f"To close it: chmod 600 {file}",
                )
            if facts.st_uid not in (os.geteuid(), 0):
                raise usage(f"{file} belongs to somebody else; it was not used.")
            text = stream.read(_BYTES_MAX)
        return tomllib.loads(text.decode())
    except FileNotFoundError:
        raise usage(f"There is no profile file {file}.") from None
    except OSError as error:
        raise usage(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise usage(f"{file} is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        # Not the message itself, which may quote the line; the line may be the token's.
        where = f" at line {error.lineno}" if hasattr(error, "lineno") else ""
        raise usage(f"{file} is not valid TOML{where}.") from None
