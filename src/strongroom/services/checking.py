"""Everything that a database is, computed anew and compared: what `strongroom fsck` does.

1. The file is whole, says the database.
2. The log: positions without a gap, each entry's leaf hash, the tree over them; the columns that
   entries are found by; the stored subtrees, the list of changes.
3. The checkpoints, of the database and of the anchor: signed by the log's keys, and of this tree.
4. The records: each MAC, each body, when it is due; that those replaced are blank; and that each is
   the one that the log names last.
5. The counts of uses.
6. The credentials: each MAC; that those moved away are blank.
7. The anchor's list of destructions: whole, and with every destruction that the log tells of.

Nothing is changed, and one finding hides no other. The log and the anchor are believed as far as
signatures and MACs reach; who has the root key can forge those, and a witness tells.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from strongroom.domain.destructions import Destruction
from strongroom.domain.errors import TamperedRecord
from strongroom.domain.otp.job import Job
from strongroom.domain.otp.profile import Profiles
from strongroom.domain.records import Kind, Record, Ref
from strongroom.domain.things import (
    LOG_ID,
    Alert,
    Alias,
    AuditKeys,
    Grant,
    ImportTicket,
    Key,
    LogKeys,
    Namespace,
    Policies,
    Principal,
    Token,
    Version,
)
from strongroom.ports.anchor import AnchorFiles
from strongroom.ports.inspection import Inspection
from strongroom.ports.provider import Provider
from strongroom.services.anchors import AnchorRefused, Anchors
from strongroom.services.checking_credentials import check_credentials
from strongroom.services.checking_log import LogCheck
from strongroom.services.folding import WORDS, difference
from strongroom.services.log_keys import LogVerifier, open_log, verifier_of
from strongroom.services.sealing import Sealing, decoder
from strongroom.tlog.errors import TlogError
from strongroom.tlog.merkle import EMPTY_ROOT

_NUMBERS: Final = ("counted", "epoch", "indexed")  # without them, no node begins
_FINDINGS_MAX: Final = 10_000  # more of them say nothing new

BODIES: Final[dict[Kind, type[msgspec.Struct]]] = {
    Kind.NAMESPACE: Namespace,
    Kind.KEY: Key,
    Kind.VERSION: Version,
    Kind.PRINCIPAL: Principal,
    Kind.TOKEN: Token,
    Kind.ALIAS: Alias,
    Kind.GRANT: Grant,
    Kind.IMPORT_TICKET: ImportTicket,
    Kind.POLICIES: Policies,
    Kind.LOG: LogKeys,
    Kind.AUDIT_KEYS: AuditKeys,
    Kind.ALERT: Alert,
    Kind.OTP_PROFILES: Profiles,
    Kind.OTP_JOB: Job,
}


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it must be: in which table, where, and what, in one sentence."""

    table: str
    where: str
    what: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.table} {self.where}".rstrip() + f": {self.what}"


class Report(msgspec.Struct):
    """What was looked at, and what was found."""

    entries: int = 0
    records: int = 0
    credentials: int = 0
    counts: int = 0
    root: bytes = EMPTY_ROOT
    signed: int = 0
    anchored: int = 0
    findings: list[Finding] = []
    more: int = 0  # findings that are not listed


Progress = Callable[[int], None]
"""Is told how many more entries and credentials were looked at."""


class Check:
    """One look at a whole database. `run` it once."""

    def __init__(self, inspection: Inspection, provider: Provider, files: AnchorFiles) -> None:
        self._at = inspection
        self._provider = provider
        self._files = files
        self._sealing = Sealing(provider, inspection.deployment)
        self._anchors = Anchors(provider, inspection.deployment)
        self._report = Report(findings=[])
        self._namespaces: dict[bytes, str] = {}
        self._listed = list[Destruction]()
        self._log: LogVerifier | None = None
        self._restores = 0

    def run(self, progress: Progress) -> Report:
        """Look at everything."""
        for text in self._at.damage():  # 1
            self._found("file", "", text)
        for name in _NUMBERS:
            number = self._at.meta(name)
            if not isinstance(number, int) or number < 0:
                self._found("meta", name, "it is no number")
        self._read_log_and_namespaces()
        claims = [*self._claims()]
        log = LogCheck(
            self._at, self._namespaces, self._found,
            sizes=[size for _, size, _ in claims],
            positions=[destruction.position for destruction in self._listed],
        )  # fmt: skip
        log.run(progress)  # 2, 5
        for table, size, root in claims:  # 3
            self._check_claim(table, size, root, log.roots.get(size))
        self._check_records(log)  # 4
        self._report.credentials = check_credentials(  # 6
            self._at, self._provider, self._found, progress
        )
        self._check_destructions(log)  # 7
        self._report.entries, self._report.root = log.size, log.root
        self._report.counts = log.counts.rows
        return self._report

    def _found(self, table: str, where: object, what: str) -> None:
        if len(self._report.findings) < _FINDINGS_MAX:
            self._report.findings.append(Finding(table, str(where), what))
        else:
            self._report.more += 1

    # --- what the rest rests on -------------------------------------------------------------------

    def _read_log_and_namespaces(self) -> None:
        """What checkpoints are verified with, and which namespace is which.

        They are looked at again with the other records.
        """
        for row in self._at.records():
            record = row.record
            if record is None or row.live != 1:
                continue
            if record.kind is Kind.NAMESPACE:
                self._namespaces[record.id] = record.name
            if record.kind is Kind.LOG and record.id == LOG_ID:
                try:
                    body = open_log(self._sealing, record)
                except (TamperedRecord, msgspec.MsgspecError):
                    continue
                self._log, self._restores = verifier_of(body, self._provider), body.restores
        if self._log is None:
            self._found("records", "the log's keys", "no checkpoint can be verified without them")

    def _claims(self) -> Iterator[tuple[str, int, bytes]]:
        """What checkpoints state of the log: their place, size and root."""
        stored = self._at.checkpoints()
        for name, raw in (("signed", stored.signed), ("counted", stored.counted)):
            if raw and self._log is not None:
                yield from self._claim(f"checkpoints {name}", raw)
        if stored.signed:
            self._report.signed = stored.size
        if self._files.fenced:
            self._found("anchor", "fenced", f"the node refuses everything: {self._files.fenced}")
        if not self._files.checkpoint:
            if stored.signed:
                self._found("anchor", "checkpoint", "it is missing, though checkpoints were signed")
            return
        try:
            anchored = self._anchors.opened(self._files.checkpoint)
        except AnchorRefused as error:
            self._found("anchor", "checkpoint", str(error))
            return
        self._report.anchored = anchored.checkpoint.size
        yield from self._claim("anchor checkpoint", anchored.note.to_bytes())
        try:
            self._listed, _ = self._anchors.destructions(self._files.destructions, anchored.head)
        except AnchorRefused as error:
            self._found("anchor", "destructions", str(error))

    def _claim(self, table: str, raw: bytes) -> Iterator[tuple[str, int, bytes]]:
        if self._log is None:
            return
        try:
            checkpoint, _ = self._log.trusted(raw)
        except TlogError as error:
            self._found(table, "", f"it is not the log's: {error}")
        else:
            yield table, checkpoint.size, checkpoint.root

    def _check_claim(self, table: str, size: int, root: bytes, present: bytes | None) -> None:
        if present is None:
            self._found(table, "", f"it is of {size:,} entries, and there are not as many")
        elif present != root:
            self._found(table, "", f"the first {size:,} entries are not those that were signed")

    # --- records ----------------------------------------------------------------------------------

    def _check_records(self, log: LogCheck) -> None:
        seen: set[Ref] = set()
        for row in self._at.records():
            self._report.records += 1
            if row.record is None:
                self._found("records", f"slot {row.slot}", "it is of no kind that there is")
                continue
            record = row.record
            if row.live == 0:
                if record.body.strip(b"\0"):
                    self._found("records", f"slot {row.slot}", "it was replaced, and is not blank")
                continue
            if row.live != 1 or record.ref in seen:
                self._found("records", f"slot {row.slot}", "it is a second one in force")
                continue
            seen.add(record.ref)
            self._check_record(record, row.due_us)
            self._check_newest(record, log)
        for ref, named in log.newest.items():
            what = f"it is gone, says audit entry {named.position:,}"
            self._found("records", _shown(ref, ""), what)

    def _check_record(self, record: Record, due_us: object) -> None:
        try:
            self._provider.check_mac(record.authenticated(self._at.deployment), record.mac)
        except TamperedRecord:
            self._found("records", _shown(record.ref, record.name), "it was altered")
            return
        body = BODIES.get(record.kind)
        if body is None:
            return
        try:
            opened = decoder(body).decode(record.body)
        except msgspec.MsgspecError:
            self._found("records", _shown(record.ref, record.name), "its body cannot be read")
            return
        if due_us != getattr(opened, "due_us", 0):
            self._found("records", _shown(record.ref, record.name), "it is due at another time")

    def _check_newest(self, record: Record, log: LogCheck) -> None:
        named = log.newest.pop(record.ref, None)
        shown = _shown(record.ref, record.name)
        if named is None:
            # Last written before entries named what they changed: its request leads to its entry.
            if record.request not in log.old_changes:
                self._found("records", shown, "no audit entry tells of it")
            return
        what = difference(named, record)
        if what:
            self._found("records", shown, f"it {what}, says audit entry {named.position:,}")

    # --- destructions -----------------------------------------------------------------------------

    def _check_destructions(self, log: LogCheck) -> None:
        """The list has all that the log tells of; what else it has is of before a restore."""
        listed = {(one.position, one.leaf) for one in self._listed}
        for one in log.destroyed:
            if one.position < self._report.anchored and (one.position, one.leaf) not in listed:
                what = f"audit entry {one.position:,} is missing in it"
                self._found("anchor", "destructions", what)
        for one in self._listed:
            leaf = log.leaves.get(one.position)
            if (leaf is None or leaf.hex() != one.leaf) and not self._restores:
                what = f"there is no such audit entry {one.position:,}"
                self._found("anchor", "destructions", what)


def _shown(ref: Ref, name: str) -> str:
    return f"{WORDS[ref.kind]} {name or ref.id.hex()}"
