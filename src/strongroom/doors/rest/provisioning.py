"""A link, opened: the secret as a page that works on a phone without script, or as JSON.

The page is shown once, and kept by nobody: no cache, no referrer, no foreign asset. A program that
looks ahead (a preview, a prefetch) is sent away before the link is used up.
"""

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Final

import jinja2
import msgspec
from markupsafe import Markup

from strongroom.domain.errors import Gone, InvalidRequest, Unavailable
from strongroom.domain.otp import links
from strongroom.domain.otp.asks import Provisioned
from strongroom.doors.asgi import Headers
from strongroom.doors.rest import accepts, drawing
from strongroom.doors.rest.errors import TITLES, TooEarly
from strongroom.doors.rest.routes import HTML, JSON

Response = tuple[int, Headers, bytes]

_PATH: Final = "/enrol/"
_LOOKS_AHEAD: Final = (b"prefetch", b"prerender", b"preview")
_PURPOSES: Final = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
_GROUP: Final = 4  # characters of a key that people copy at a time
# Nobody keeps the page, is told its address, or puts it into a page of their own.
_PRIVATE: Final[Headers] = [
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
# What somebody can do about it who knows nothing of Strongroom.
_ADVICE: Final = {
    Gone.code: "If you never saw the page behind it, somebody else may have: say so when you ask"
    " for a new link.",
    TooEarly.code: "Nothing is used up yet. Open the link again, in a browser of your own.",
    InvalidRequest.code: "Nothing is used up yet. Open the link as it was sent, with nothing added"
    " to it.",
    Unavailable.code: "Try again in a minute. If the link is used up then, ask for a new one.",
}
_ANY_ADVICE: Final = "Try again in a minute, or ask for a new link."
_encode = msgspec.json.Encoder().encode


def require_now(headers: Iterable[tuple[bytes, bytes]], token: str) -> None:
    """Raises `TooEarly` for who only looks ahead, and `Gone` for what is no token."""
    for name, value in headers:
        if name in _PURPOSES and any(word in value.lower() for word in _LOOKS_AHEAD):
            raise TooEarly
    if links.parse(token) is None:
        raise Gone


def shown(headers: Iterable[tuple[bytes, bytes]], what: Provisioned) -> Response:
    """The answer to who opened the link."""
    what = msgspec.structs.replace(what, svg=drawing.svg(what.uri), png=drawing.png(what.uri))
    if not accepts.a_page(headers):
        return 200, [(b"content-type", JSON.encode()), *_PRIVATE], _encode(what)
    return 200, *_page("enrol.html", what=what, svg=_ours(what.svg), key=_grouped(what.key))


def for_people(
    path: str, headers: Iterable[tuple[bytes, bytes]], code: str, response: Response
) -> Response:
    """What was refused at a link, as a page where a browser asked; else as it is."""
    if not path.startswith(_PATH) or code not in TITLES:
        return response
    status, theirs, content = response
    if not accepts.a_page(headers):
        return status, [*theirs, *_PRIVATE], content
    advice = _ADVICE.get(code, _ANY_ADVICE)
    ours, content = _page("no-entry.html", title=TITLES[code], advice=advice)
    return status, [*ours, *(pair for pair in theirs if pair[0] != b"content-type")], content


def _grouped(key: str) -> str:
    return " ".join(key[at : at + _GROUP] for at in range(0, len(key), _GROUP))


def _page(name: str, **values: object) -> tuple[Headers, bytes]:
    style, policy, environment = _frame()
    content = environment.get_template(name).render(style=_ours(style), **values).encode()
    return [
        (b"content-type", HTML.encode()), (b"content-security-policy", policy), *_PRIVATE
    ], content  # fmt: skip


def _ours(text: str) -> Markup:
    """A style that its hash is of, a drawing made of squares: escaping would change it."""
    return Markup(text)  # noqa: S704 - nothing of anybody else's is in it


@cache
def _frame() -> tuple[str, bytes, jinja2.Environment]:
    folder = resources.files("strongroom.doors.rest").joinpath("templates")
    names = ("enrol.css", "enrol.html", "no-entry.html")
    texts = {name: folder.joinpath(name).read_text("utf-8") for name in names}
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, loader=jinja2.DictLoader(texts)
    )
    for name in names[1:]:
        environment.get_template(name)  # compiled while files can still be read
    digest = base64.b64encode(hashlib.sha256(texts["enrol.css"].encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return texts["enrol.css"], policy.encode(), environment


_frame()  # a gate opens no file once it serves
