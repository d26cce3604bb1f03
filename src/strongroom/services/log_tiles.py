"""The log for whoever verifies it: checkpoints, the tree's hashes and the entries as C2SP tiles.

Checkpoints and hashes say nothing of anybody: what is hashed has 80 random bits in its request's
id, so nobody can try out what it may be. Each namespace's auditors may read them: that all see the
same log is what they are for. Files with entries hold those of all namespaces. They are for the
auditors of the first namespace, as the list of namespaces is.
"""

from strongroom.domain import asks, evidence, limits
from strongroom.domain.errors import InvalidRequest, NotAllowed, NotFound, TamperedRecord
from strongroom.domain.operations import Resource
from strongroom.ports.ledger import Ledger
from strongroom.services.authorize import Authorizer, Visit
from strongroom.services.books import Books
from strongroom.services.counted import Checkpoints
from strongroom.services.tenants import FIRST
from strongroom.tlog import tiles
from strongroom.tlog.errors import TileError
from strongroom.tlog.merkle import HASH_BYTES
from strongroom.tlog.tiles import Tile


class LogTiles:
    """Hands them out as they are stored: what an edit has changed is for the verifier to find."""

    def __init__(
        self, *, authorizer: Authorizer, books: Books, ledger: Ledger, checkpoints: Checkpoints
    ) -> None:
        self._authorizer = authorizer
        self._books = books
        self._ledger = ledger
        self._checkpoints = checkpoints

    async def checkpoint(self, visit: Visit, ask: asks.Nothing) -> evidence.Checkpoint:
        """The newest one that counts: signed, and cosigned by as many witnesses as are asked for.

        Raises `Unavailable` while there is none.
        """
        del ask
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        found = await self._checkpoints.newest()
        await self._books.allowed(permit, {"size": found.size})
        return evidence.Checkpoint(found.raw)

    async def hashes(self, visit: Visit, ask: evidence.ReadTile) -> evidence.Tile:
        """The hashes of a tile.

        Of any width that the tile has had: who verifies an older checkpoint asks for that. Raises
        `NotFound` for one that is not in the tree of the newest checkpoint.
        """
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        tile = await self._covered(ask.level, ask.n, ask.width)
        hashes = await self._ledger.hashes(tile.nodes)
        if len(hashes) != tile.width or any(len(each) != HASH_BYTES for each in hashes):
            raise TamperedRecord
        await self._books.allowed(permit, {"tile": tile.path})
        return evidence.Tile(b"".join(hashes))

    async def entries(self, visit: Visit, ask: evidence.ReadEntries) -> evidence.Tile:
        """Entries of all namespaces, byte for byte as they were hashed. Raises `NotFound` likewise.

        Raises `NotAllowed` in any namespace but the first.
        """
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        if permit.namespace.name != FIRST:
            visit.missing = f"entries of all namespaces are read from the namespace {FIRST} only"
            raise NotAllowed
        tile = await self._covered(tiles.ENTRIES, ask.n, ask.width)
        bodies: list[bytes] = []
        while len(bodies) < tile.width:
            first = tile.nodes[len(bodies)].number
            found = await self._ledger.entries(first, tile.width - len(bodies))
            if not found or found[0].position != first:
                raise TamperedRecord
            bodies += [entry.body for entry in found]
        if any(len(body) > limits.ENTRY_BYTES_MAX for body in bodies):
            raise TamperedRecord
        await self._books.allowed(permit, {"tile": tile.path})
        return evidence.Tile(tiles.bundle(bodies))

    async def _covered(self, level: int, n: int, width: int) -> Tile:
        try:
            tile = Tile(level, n, width)
        except TileError as error:
            raise InvalidRequest(str(error)) from None
        if tile.size > (await self._checkpoints.newest()).size:
            raise NotFound
        return tile
