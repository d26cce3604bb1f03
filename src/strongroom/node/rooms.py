"""The kinds of process."""

from enum import StrEnum


class Room(StrEnum):
    """A process of ours. The supervisor starts the others and does none of their work."""

    SUPERVISOR = "supervisor"
    GATE = "gate"
    CUSTODIAN = "custodian"
    LEDGER = "ledger"
    COURIER = "courier"
