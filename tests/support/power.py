"""A disk whose power can be cut: what was flushed is there, of the rest anything may be.

Below SQLite, in its VFS, every write and cut is remembered until the file is flushed. A cut keeps
the flushed bytes, and of the acts since then some: in order up to one, or any, and of a write any
of its sectors of 512 bytes. A file that was made and never flushed may be gone; one that was
deleted may be there again.
"""

from typing import Final, NamedTuple

import apsw

VFS: Final = "strongroom-power"
_SECTOR_BYTES: Final = 512  # what a disk writes whole


class Act(NamedTuple):
    """A write that was not flushed yet; without bytes: a cut of the file at the offset."""

    offset: int
    data: bytes | None


class Content:
    """A file: what is certain of it, and what is under way."""

    def __init__(self, durable: bytes, *, exists: bool) -> None:
        self.durable = durable
        self.exists = exists  # its name is certain to be in the folder
        self.deleted = False
        self.pending: list[Act] = []

    def flush(self) -> None:
        """All that is under way has become certain."""
        self.durable = _applied(self.durable, self.pending)
        self.pending = []
        self.exists = True

    def cut(self, random) -> bytes | None:
        """What could be left; None: no such file."""
        if (self.deleted or not self.exists) and random.random() < 0.5:
            return None
        survivors: list[Act] = []
        ordered = random.random() < 0.5
        some = random.randint(0, len(self.pending))
        for number, act in enumerate(self.pending):
            if ordered and number < some:
                survivors.append(act)
            elif (ordered and number == some) or (not ordered and random.random() < 0.5):
                survivors += _torn(act, random)
        return _applied(self.durable, survivors)


def _torn(act: Act, random) -> list[Act]:
    """Some of its sectors."""
    if act.data is None:
        return [act]
    pieces, start, end = [], act.offset, act.offset + len(act.data)
    while start < end:
        stop = min((start // _SECTOR_BYTES + 1) * _SECTOR_BYTES, end)
        pieces.append(Act(start, act.data[start - act.offset : stop - act.offset]))
        start = stop
    return [piece for piece in pieces if random.random() < 0.5]


def _applied(content: bytes, acts: list[Act]) -> bytes:
    new = bytearray(content)
    for offset, data in acts:
        if data is None:
            del new[offset:]
        else:
            new.extend(bytes(max(0, offset - len(new))))
            new[offset : offset + len(data)] = data
    return bytes(new)


class Power:
    """The disk. `acted` is called before each act: the moment at which the power may go."""

    def __init__(self) -> None:
        self.files: dict[str, Content] = {}
        self.acted = lambda: None
        self.acts = 0

    def content(self, path: str) -> Content:
        """The file of that name, as it is when it is first heard of."""
        if path not in self.files:
            try:
                with open(path, "rb") as file:
                    self.files[path] = Content(file.read(), exists=True)
            except FileNotFoundError:
                self.files[path] = Content(b"", exists=False)
        return self.files[path]

    def act(self) -> None:
        """Something is about to be done."""
        self.acts += 1
        self.acted()

    def cut(self, random) -> dict[str, bytes | None]:
        """What the files could be if the power went now."""
        return {path: content.cut(random) for path, content in self.files.items()}

    def __enter__(self):
        self._vfs = _PowerVFS(self)
        return self

    def __exit__(self, *_):
        self._vfs.unregister()


class _PowerFile(apsw.VFSFile):
    def __init__(self, power: Power, name, flags: list[int]) -> None:
        self._power = power
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._content = power.content(path)
        if self._content.deleted:
            # Made anew. That the old one is gone is not certain before this one is flushed.
            self._content.deleted = False
            self._content.pending.append(Act(0, None))
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        self._power.act()
        super().xWrite(data, offset)
        self._content.pending.append(Act(offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802 - SQLite's name
        self._power.act()
        super().xTruncate(size)
        self._content.pending.append(Act(size, None))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        self._power.act()
        self._content.flush()  # the copy's disk is the one that counts here


class _PowerVFS(apsw.VFS):
    def __init__(self, power: Power) -> None:
        super().__init__(VFS, "")
        self._power = power

    def xOpen(self, name, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        if not flags[0] & (apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_WAL):
            return apsw.VFSFile("", name, flags)  # of no meaning after a start
        return _PowerFile(self._power, name, flags)

    def xDelete(self, path: str, flush: bool) -> None:  # noqa: N802, FBT001 - SQLite's
        self._power.act()
        super().xDelete(path, flush)
        content = self._power.content(path)
        content.deleted = True
        if flush:
            del self._power.files[path]
