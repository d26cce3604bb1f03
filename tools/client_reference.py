"""Writes the list of methods in docs/reference/client.md: `python tools/client_reference.py`.

A test compares the page with the client, so neither can change without the other.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final, get_args, get_type_hints

from strongroom.client import alerts, calls, evidence, keys, otp, rights, transfers, uses
from strongroom.client.synchronous import OTP, Client

PAGE: Final = Path(__file__).parent.parent / "docs" / "reference" / "client.md"
_MARK: Final = "<!-- From here on written by tools/client_reference.py; changes are lost. -->\n"
_MODULES: Final = (alerts, calls, evidence, keys, rights, transfers, uses)


def render() -> str:
    """The page: what stands above the mark, and the methods."""
    head, mark, _ = PAGE.read_text().partition(_MARK)
    return head + mark + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield ""
    yield "| method | answer | |"
    yield "| --- | --- | --- |"
    yield from _rows(Client, _MODULES, "")
    yield from _rows(OTP, (otp,), "otp.")


def _rows(kind: type, modules: tuple[ModuleType, ...], prefix: str) -> Iterator[str]:
    for name in vars(kind):
        found = (getattr(module, name, None) for module in modules)
        build = next(filter(None, found), None)
        if build is None or name.startswith("_"):
            continue
        parameters = inspect.signature(build).replace(return_annotation=inspect.Signature.empty)
        names = str(inspect.Signature([_plain(each) for each in parameters.parameters.values()]))
        (answer,) = get_args(get_type_hints(build)["return"])
        summary = " ".join((build.__doc__ or "").split())
        yield f"| `{prefix}{name}{names}` | `{answer.__name__}` | {summary} |"


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(annotation=inspect.Parameter.empty)


if __name__ == "__main__":
    PAGE.write_text(render())
