"""From method and path to a route, by two table look-ups."""

from typing import Final

from strongroom.domain import limits
from strongroom.domain.words import ALIAS_PREFIX
from strongroom.doors.rest.errors import MethodNotAllowed, NoSuchPath
from strongroom.doors.rest.routes import ROUTES, Route

_TARGET: Final = 3  # a target is always the fourth piece: "", "v1", "keys", the key's name
_ANY: Final = "{}"
TARGET_CHARACTERS_MAX: Final = len(ALIAS_PREFIX) + limits.NAME_CHARACTERS_MAX

Methods = dict[str, Route]


def find(method: str, path: str) -> tuple[Route, str]:
    """The route and its target, "" where its path has none.

    Raises `NoSuchPath` and `MethodNotAllowed`.

    `path` is as it came over the wire. Nothing is percent-decoded: no name needs it, so a path has
    one spelling. A target that can be no name goes on to the custodian all the same, who refuses it
    like one that does not exist, and puts it on record.
    """
    target = ""
    methods = _WHOLE.get(path)
    if methods is None:
        pieces = path.split("/", _TARGET + 2)
        if len(pieces) <= _TARGET:
            raise NoSuchPath
        target = pieces[_TARGET]
        pieces[_TARGET] = _ANY
        methods = _BY_SHAPE.get(tuple(pieces))
        if methods is None or not _could_be_on_record(target):
            raise NoSuchPath
    route = methods.get(method)
    if route is None:
        raise MethodNotAllowed(", ".join(sorted(methods)))
    return route, target


def _could_be_on_record(target: str) -> bool:
    return 0 < len(target) <= TARGET_CHARACTERS_MAX and target.isascii() and target.isprintable()


def _tables() -> tuple[dict[str, Methods], dict[tuple[str, ...], Methods]]:
    whole: dict[str, Methods] = {}
    by_shape: dict[tuple[str, ...], Methods] = {}
    for route in ROUTES:
        if "{" not in route.path:
            whole.setdefault(route.path, {})[route.method] = route
            continue
        pieces = route.path.split("/")
        pieces[_TARGET] = _ANY
        if any("{" in piece for piece in pieces if piece != _ANY):
            raise RuntimeError(f"{route.path} has its target elsewhere than this module looks")
        by_shape.setdefault(tuple(pieces), {})[route.method] = route
    return whole, by_shape


_WHOLE, _BY_SHAPE = _tables()
