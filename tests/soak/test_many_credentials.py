"""10,000,000 credentials: codes are verified as fast as with 10,000, and no room is larger for it.

SOAK_CREDENTIALS makes it fewer or more. So many take a quarter of an hour to make, and 4 GB.
"""

import os

import pytest

from bench import otp

pytestmark = pytest.mark.soak

_MANY = int(os.environ.get("SOAK_CREDENTIALS", "10000000"))
_FEW = 10_000
_SLACK_MIB = 32  # SQLite's own cache of pages, and what the allocator holds


def test_as_many_as_a_bank_has_are_as_fast_as_a_few():
    figures = otp.measured([_FEW, _MANY], seconds=4, rounds=3, gates=2, custodians=1)
    print("\n".join(otp.table(figures)))  # noqa: T201 - shown when it fails
    assert figures.verify[_MANY].rate >= 0.8 * figures.verify[_FEW].rate
    assert figures.batch[_MANY] >= 0.8 * figures.batch[_FEW]
    few, many = figures.memory[_FEW], figures.memory[_MANY]
    assert {room: many[room] for room in many if many[room] > few[room] + _SLACK_MIB} == {}
