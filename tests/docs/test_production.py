"""The page about production: found, run, back up and restore, typed into a shell."""

import shutil

import pytest

from tests.support.terminal import Terminal
from tests.support.tree import ROOT

PAGE = (ROOT / "docs" / "operate" / "production.md").read_text()


@pytest.mark.skipif(not shutil.which("sqlite3"), reason="the sqlite3 command is not installed")
def test_a_deployment_is_founded_run_backed_up_and_restored(tmp_path):
    with Terminal(tmp_path) as terminal:
        terminal.play(PAGE)
    assert (tmp_path / "admin.token").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "seal.json").stat().st_mode & 0o777 == 0o600
    assert "Stopped." in (tmp_path / "serve.log").read_text()
