"""A link, opened: the secret as a page that works on a phone without script, or as JSON.

The page is shown once, and kept by nobody: no cache, no referrer, no foreign asset. A program that
looks ahead (a preview, a prefetch) is sent away before the link is used up.
"""

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from io import BytesIO
from typing import Final

import jinja2
import msgspec
import segno
from markupsafe import Markup

from strongroom.domain.errors import Gone, Refusal
from strongroom.domain.otp import links
from strongroom.domain.otp.asks import Provisioned
from strongroom.doors.rest.asgi import Headers
from strongroom.doors.rest.errors import STATUSES, TooEarly
from strongroom.doors.rest.routes import HTML, JSON

Response = tuple[int, Headers, bytes]

_PATH: Final = "/enrol/"
_LOOKS_AHEAD: Final = (b"prefetch", b"prerender", b"preview")
_PURPOSES: Final = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
_SCALE: Final = 5  # pixels of a module: a phone's camera reads it from another screen
_GROUP: Final = 4  # characters of a key that people copy at a time
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
    if not _wants_page(headers):
        return 200, [(b"content-type", JSON.encode()), *_kept_by_nobody()], _encode(what)
    code = segno.make_qr(what.uri, error="m") if what.uri else None
    svg = Markup(code.svg_inline(scale=_SCALE)) if code is not None else None  # noqa: S704 - made here, of squares
    return 200, *_page("enrol.html", what=what, svg=svg, png=_png(code), key=_grouped(what.key))


def for_people(
    path: str, headers: Iterable[tuple[bytes, bytes]], refusal: Refusal, response: Response
) -> Response:
    """A refusal at a link as a page, where a browser asks; else as it is."""
    if not path.startswith(_PATH) or not isinstance(refusal, Gone | TooEarly):
        return response
    status, theirs, content = response
    if not _wants_page(headers):
        return status, [*theirs, *_kept_by_nobody()], content
    return STATUSES[refusal.code], *_page("gone.html", title=refusal.title)


def _wants_page(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether it is a browser: it names HTML, which no program does that wants JSON."""
    return any(name == b"accept" and b"text/html" in value.lower() for name, value in headers)


def _png(code: segno.QRCode | None) -> str:
    if code is None:
        return ""
    out = BytesIO()
    code.save(out, kind="png", scale=_SCALE)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _grouped(key: str) -> str:
    return " ".join(key[at : at + _GROUP] for at in range(0, len(key), _GROUP))


def _page(name: str, **values: object) -> tuple[Headers, bytes]:
    style, policy, environment = _frame()
    # Ours, and in the hash as it stands: escaping would change it.
    content = environment.get_template(name).render(style=Markup(style), **values).encode()  # noqa: S704
    headers = [
        (b"content-type", HTML.encode()), (b"content-security-policy", policy), *_kept_by_nobody()
    ]  # fmt: skip
    return headers, content


def _kept_by_nobody() -> Headers:
    return [
        (b"referrer-policy", b"no-referrer"),
        (b"x-robots-tag", b"noindex, nofollow"),
        (b"x-frame-options", b"DENY"),
    ]


@cache
def _frame() -> tuple[str, bytes, jinja2.Environment]:
    folder = resources.files("strongroom.doors.rest").joinpath("templates")
    names = ("enrol.css", "enrol.html", "gone.html")
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
