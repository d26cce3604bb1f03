"""Which server, with which token: from the command line, the environment or a profile.

A token goes only where it was meant to go. So both have one source, in this order:

1. the profile named by `--profile`;
2. the environment, when `--url` or `--token-from` was given, or STRONGROOM_URL or STRONGROOM_TOKEN
   is set;
3. the profile named by STRONGROOM_PROFILE, or `default`, if there is a profile file;
4. the server that `strongroom dev` starts.

The options --url, --ca-file and --token-from change a part of what was found so.
"""

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from strongroom.cli import profiles
from strongroom.cli.failures import no_token, sentence, usage
from strongroom.client.address import checked
from strongroom.client.problems import InvalidArgumentError

DEV_URL: Final = "http://127.0.0.1:7600"
TOKEN_VARIABLE: Final = "STRONGROOM_TOKEN"  # noqa: S105 - a variable's name
_CLEARTEXT_VARIABLE: Final = "STRONGROOM_UNSAFE_CLEARTEXT"
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


# The variables that are read, and what each says. `docs/reference/cli.md` is made of it.
ENVIRONMENT: Final = {
    "STRONGROOM_URL": f"Where the server is. Without it, {DEV_URL}, as `strongroom dev`.",
    TOKEN_VARIABLE: "The API token. `--token-from` names another variable.",
    "STRONGROOM_CA_FILE": "The only CA whose certificates are trusted. Without it, the system's.",
    "STRONGROOM_PROFILE": "The profile to use where no URL and no token is in the environment.",
    _CLEARTEXT_VARIABLE: "`1` allows http:// to another machine: something else protects it.",
    "STRONGROOM_DEBUG": "`1` shows the traceback of a program's mistake. Secrets may be in it.",
    "XDG_CONFIG_HOME": "Where `strongroom/profiles.toml` is looked for, instead of `~/.config`.",
}


class Output(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Common:
    """The options that every command has. None or False: not given."""

    url: str | None = None
    profile: str | None = None
    ca_file: str | None = None
    token_from: str | None = None
    output: Output | None = None
    print_curl: bool = False
    print_policy: bool = False
    for_principal: str | None = None

    def over(self, outer: "Common | None") -> "Common":
        """These options where given, else those that stood before the subcommand."""
        if outer is None:
            return self
        return Common(
            url=self.url or outer.url,
            profile=self.profile or outer.profile,
            ca_file=self.ca_file or outer.ca_file,
            token_from=self.token_from or outer.token_from,
            output=self.output or outer.output,
            print_curl=self.print_curl,
            print_policy=self.print_policy,
            for_principal=self.for_principal,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A server, and where its token comes from. `token` is called only when something is sent."""

    url: str
    unsafe_cleartext: bool
    ca_file: str | None
    variable: str
    profile: profiles.Profile | None

    @property
    def token_source(self) -> str:
        """Where the token is from, in words."""
        return f"the profile {self.profile.name!r}" if self.profile else self.variable

    def token(self) -> str:
        """The token. Raises `CommandError` when there is none."""
        token = self.profile.token if self.profile else os.environ.get(self.variable, "")
        if not token:
            raise no_token(
                f"There is no token in {self.token_source}.",
                "Export it there, or write a profile: strongroom --help says where.",
            )
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise no_token(
                f"What is in {self.token_source} is no token: it has blanks or line ends in it.",
            )
        return token


def resolve(common: Common) -> Place:
    """Where to go. Raises `CommandError` for what is not right in the options or the profile."""
    variable = _variable(common.token_from)
    profile = _profile(common)
    if profile is not None:
        url, ca_file = profile.url, profile.ca_file
    else:
        url = os.environ.get("STRONGROOM_URL", "") or DEV_URL
        ca_file = os.environ.get("STRONGROOM_CA_FILE") or None
    ca_file = common.ca_file or ca_file
    if ca_file is not None and not os.path.isfile(ca_file):  # noqa: PTH113 - a question, not a path to keep
        raise usage(f"There is no CA file {ca_file}.")
    unsafe_cleartext = os.environ.get(_CLEARTEXT_VARIABLE) == "1"
    return Place(
        url=_url(common.url or url, unsafe_cleartext=unsafe_cleartext),
        unsafe_cleartext=unsafe_cleartext,
        ca_file=ca_file,
        variable=variable,
        profile=None if common.token_from else profile,
    )


def _profile(common: Common) -> profiles.Profile | None:
    file = profiles.path()
    if common.profile is not None:
        return profiles.load(common.profile, file)  # 1
    typed = common.url is not None or common.token_from is not None
    if typed or os.environ.get("STRONGROOM_URL") or os.environ.get(TOKEN_VARIABLE):
        return None  # 2
    named = os.environ.get("STRONGROOM_PROFILE")
    if named or profiles.exists(file):
        return profiles.load(named or "default", file)  # 3
    return None  # 4


def _variable(token_from: str | None) -> str:
    """`CommandError` for what is no variable's name, a token above all, which is not repeated."""
    if token_from is None:
        return TOKEN_VARIABLE
    if token_from.startswith("srt_"):
        raise usage(
            "--token-from takes the name of an environment variable, not a token.",
            "Revoke that token: it is in the shell's history now, and other users could see it.",
        )
    if _VARIABLE.fullmatch(token_from) is None:
        raise usage("--token-from takes the name of an environment variable: letters, digits, _.")
    return token_from


def _url(url: str, *, unsafe_cleartext: bool) -> str:
    """A URL to send a token to. Raises `CommandError` for any other kind."""
    try:
        return checked(url, unsafe_cleartext=unsafe_cleartext)
    except InvalidArgumentError as error:
        advice = ""
        if "TLS" in str(error):
            advice = (
                f"Use https://, or set {_CLEARTEXT_VARIABLE}=1 if something else protects the"
                " connection. Nothing was sent."
            )
        raise usage(sentence(str(error)), advice) from None
