"""Stores to try: of every adapter, and of files alone."""

import pytest

from strongroom.adapters.memory import MemoryStore
from strongroom.adapters.sqlite.store import SQLiteStore


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "store.db")


@pytest.fixture(params=["sqlite", "memory"])
def store(request, path):
    made = (
        MemoryStore(b"d" * 16) if request.param == "memory" else SQLiteStore.create(path, b"d" * 16)
    )
    yield made
    made.close()


@pytest.fixture
def file_store(path):
    made = SQLiteStore.create(path, b"d" * 16)
    yield made
    made.close()
