"""From method and path to a route, by two table look-ups; for tiles, by how their path begins."""

from typing import Final

from strongroom.domain import limits
from strongroom.domain.words import ALIAS_PREFIX
from strongroom.doors.rest.errors import MethodNotAllowed, NoSuchPath
from strongroom.doors.rest.routes import ROUTES, Route
from strongroom.tlog import tiles
from strongroom.tlog.errors import TileError

# A target is the fourth piece: "", "v1", "keys", the key's name; or, of receipts, the fifth.
_TARGETS: Final = (3, 4)
_PIECES_MAX: Final = 5
_ANY: Final = "{}"
_LINKS: Final = "/enrol/"
_ABOVE_TILES: Final = "/audit/"
_TILES: Final = "/audit/tile/"
_ENTRIES: Final = "/audit/tile/entries/"
TARGET_CHARACTERS_MAX: Final = len(ALIAS_PREFIX) + limits.NAME_CHARACTERS_MAX

Methods = dict[str, Route]


def find(method: str, path: str) -> tuple[Route, str]:
    """The route and its target, "" where its path has none. A tile's target is its path.

    Raises `NoSuchPath` and `MethodNotAllowed`.

    `path` is as it came over the wire. Nothing is percent-decoded: no name needs it, so a path has
    one spelling. A target that can be no name goes on to the custodian all the same, who refuses it
    like one that does not exist, and puts it on record.
    """
    target = ""
    methods = _WHOLE.get(path)
    if methods is None and path.startswith(_LINKS):
        methods, target = _OF_LINKS, path.removeprefix(_LINKS)
        if "/" in target:
            raise NoSuchPath
    if methods is None and path.startswith(_TILES):
        methods, target = _of_tile(path)
    elif methods is None:
        methods, target = _by_shape_of(path.split("/", _PIECES_MAX))
        if not _could_be_on_record(target):
            raise NoSuchPath
    route = methods.get(method)
    if route is None:
        raise MethodNotAllowed(", ".join(sorted(methods)))
    return route, target


def _by_shape_of(pieces: list[str]) -> tuple[Methods, str]:
    for place in _TARGETS:
        if len(pieces) > place:
            methods = _BY_SHAPE.get((*pieces[:place], _ANY, *pieces[place + 1 :]))
            if methods is not None:
                return methods, pieces[place]
    raise NoSuchPath


def _of_tile(path: str) -> tuple[Methods, str]:
    """The methods and the tile's path. Raises `NoSuchPath` for what is no tile's one spelling."""
    target = path.removeprefix(_ABOVE_TILES)
    try:
        tile = tiles.parse_path(target)  # which first looks how long it is
    except TileError:
        raise NoSuchPath from None
    prefix = _ENTRIES if tile.level == tiles.ENTRIES else _TILES
    return _BY_PREFIX[prefix], target


def _could_be_on_record(target: str) -> bool:
    return 0 < len(target) <= TARGET_CHARACTERS_MAX and target.isascii() and target.isprintable()


def _tables() -> tuple[dict[str, Methods], dict[tuple[str, ...], Methods], dict[str, Methods]]:
    whole: dict[str, Methods] = {}
    by_shape: dict[tuple[str, ...], Methods] = {}
    by_prefix: dict[str, Methods] = {}
    for route in ROUTES:
        if route.is_of_tiles or route.is_of_links:
            by_prefix.setdefault(route.path.partition("{")[0], {})[route.method] = route
            continue
        if "{" not in route.path:
            whole.setdefault(route.path, {})[route.method] = route
            continue
        pieces = [_ANY if piece.startswith("{") else piece for piece in route.path.split("/")]
        if pieces.count(_ANY) != 1 or pieces.index(_ANY) not in _TARGETS:
            raise RuntimeError(f"{route.path} has its target elsewhere than this module looks")
        by_shape.setdefault(tuple(pieces), {})[route.method] = route
    if by_prefix.keys() != {_TILES, _ENTRIES, _LINKS}:
        raise RuntimeError("tiles and links are served elsewhere than this module looks")
    return whole, by_shape, by_prefix


_WHOLE, _BY_SHAPE, _BY_PREFIX = _tables()
_OF_LINKS: Final = _BY_PREFIX[_LINKS]
