"""The table of formats, and the page about them."""

import importlib.util
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.export.formats import FORMATS
from tests.support.entries import entries, simple
from tests.support.tree import ROOT


def reference():
    spec = importlib.util.spec_from_file_location(
        "export_reference", ROOT / "tools" / "export_reference.py"
    )
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_the_page_is_what_the_program_writes():
    tool = reference()
    assert tool.PAGE.read_text() == tool.render(), "run: python tools/export_reference.py"


def test_the_formats_have_these_names():
    assert list(FORMATS) == ["jsonl", "csv", "cloudtrail", "ocsf", "cef"]


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"csv"}))
@given(some=st.lists(entries, max_size=3))
def test_an_entry_is_one_line(name, some):
    raw = FORMATS[name].header + b"".join(map(FORMATS[name].line, some))
    assert raw.count(b"\n") == len(some)
    assert raw.endswith(b"\n") or not some


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_longest_text_goes_out_whole(name):
    entry = simple(outcome="refused", reason="not-allowed", missing="x" * 50_000)
    assert b"x" * 50_000 in FORMATS[name].line(entry)


def test_exporting_loads_no_more_of_the_server_than_the_entrys_form():
    script = (
        "import sys; import strongroom.export.formats;"
        "print(*sorted(m for m in sys.modules if m.startswith('strongroom.')))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    allowed = ("strongroom.export", "strongroom.domain")
    assert [name for name in loaded if not name.startswith(allowed)] == []
