"""What a row's MAC covers is what the page about its format says."""

import os

import pytest

from strongroom.domain.binding import bind
from strongroom.domain.otp.credential import CredentialRow


@pytest.mark.parametrize("size", [0, 1, 16, 255, 256, 70_000])
def test_a_mac_covers_every_column_behind_its_length(size):
    deployment = os.urandom(16)
    row = CredentialRow(
        os.urandom(size), os.urandom(size), os.urandom(size), 2**63 - 1, "ä" * size, size,
        os.urandom(size),
    )  # fmt: skip
    assert row.authenticated(deployment) == bind(
        b"strongroom/credential/1", deployment, row.id, row.namespace, row.user,
        row.revision.to_bytes(8, "big"), row.state.encode(), row.due_us.to_bytes(8, "big"),
        row.body,
    )  # fmt: skip
    assert row.authenticated(deployment) != row.authenticated(os.urandom(16))
