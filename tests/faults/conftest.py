import os
import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def memory_path():
    """A directory in memory where there is one: its flushes are free, and counted all the same."""
    shared = "/dev/shm"  # noqa: S108 - the folder made in it is private
    where = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
    yield where
    shutil.rmtree(where)
