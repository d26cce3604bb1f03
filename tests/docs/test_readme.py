"""The README tells the truth: its tour is typed into a shell, and says what the page says."""

import subprocess

import pytest

from tests.support.terminal import Terminal, Tour, blocks, compare, turns
from tests.support.tree import ROOT

README = (ROOT / "README.md").read_text()


def test_tour_says_what_the_page_says(tmp_path):
    with (
        Tour(tmp_path / "strongroom-dev") as node,
        Terminal(tmp_path, node=node, activated=False) as terminal,
    ):
        terminal.play(README)


def test_the_two_commands_start_a_server():
    (block,) = [content for language, _, content in blocks(README) if language == "sh"]
    clone, make = block.splitlines()
    assert clone.startswith("git clone ")
    done = subprocess.run(
        [*make.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "tools/venv.sh run" in done.stdout
    assert ".venv/bin/strongroom dev" in done.stdout


def test_it_is_short():
    assert len(README.splitlines()) <= 120


# --- that a difference is found -------------------------------------------------------------------

ID, OTHER = "01a212e451f856337057ffa68b9b81ce", "02b212e451f856337057ffa68b9b81cf"


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (["made"], ["made", "more"]),
        (["made", "more"], ["made"]),
        (["made"], []),
        (["made 2026-01-31 12:00:00Z"], ["made yesterday"]),
        ([ID], ["1"]),
        ([f"{ID} {ID}"], [f"{ID} {OTHER}"]),
        (["a", "...", "b"], ["a", "c"]),
        (["a ..."], ["b c"]),
        (["A" * 80 + "=="], ["A" * 79 + "="]),
    ],
)
def test_what_differs_is_found(expected, said):
    with pytest.raises(AssertionError):
        compare(expected, said, {})


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ([], []),
        (["made 2026-01-31 12:00:00Z"], ["made 2027-01-31 12:00:00Z"]),
        (["a", "...", "b"], ["a", "b"]),
        (["a", "...", "b"], ["a", "x", "y", "b"]),
        (["..."], ["x"]),
        (["a", "..."], ["a"]),
        (["a ...", "b"], ["a x", "b"]),
        (["A" * 80 + "=="], ["B" * 80 + "=="]),
    ],
)
def test_what_may_differ_does_not_count(expected, said):
    compare(expected, said, {})


def test_an_id_that_comes_up_again_is_the_same_again():
    remembered = {}
    compare([f"id {ID}"], [f"id {OTHER}"], remembered)
    assert remembered == {ID: OTHER}
    compare([ID], [OTHER], remembered)
    with pytest.raises(AssertionError):
        compare([ID], [ID], remembered)


def test_commands_are_read_with_what_they_say():
    assert turns("$ a \\\n  b\nout\n\nmore\n\n$ c\n") == [
        ["a \\\n  b", ["out", "", "more"]],
        ["c", []],
    ]
