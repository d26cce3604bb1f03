"""What a door needs of the custodians: ask, and be answered."""

from typing import Protocol

from strongroom.domain.calls import Call, Reply


class Custodian(Protocol):
    """Answers every call, within `CALL_SECONDS_MAX`; never raises for a refusal.

    When no custodian or ledger can be reached, or too many calls wait, the reply's code is
    `unavailable`.
    """

    async def ask(self, call: Call) -> Reply:
        """The reply to one call."""
