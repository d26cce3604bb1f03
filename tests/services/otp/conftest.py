"""A bank for each test."""

import pytest

from tests.support.otp import Bank


@pytest.fixture
def bank(tmp_path):
    bank = Bank(tmp_path / "store.db")
    yield bank
    bank.store.close()
