"""What holds for every file: names, docstrings, and what a page may not mention."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.tree import ROOT, modules, name, parsed

# A file is one idea, and has its name.
VAGUE = {"util", "utils", "helper", "helpers", "misc", "common", "tools", "lib", "manager", "base"}
# Folders of the machine on which somebody wrote a page, not of whoever reads it.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home|Users|mnt|build)/")

PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")],
)


@pytest.mark.parametrize("path", modules(), ids=name)
def test_a_module_says_what_it_is(path):
    assert ast.get_docstring(parsed(path))


def test_no_file_has_a_name_that_says_nothing():
    assert not [name(path) for path in modules() if path.stem in VAGUE]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_mentions_no_folder_of_its_writers_machine(page):
    assert not MACHINE_PATH.findall(page.read_text())


@pytest.mark.parametrize("path", modules(), ids=name)
def test_a_module_mentions_no_folder_of_its_writers_machine(path):
    assert not MACHINE_PATH.findall(path.read_text())


def test_the_pages_that_a_stranger_looks_for_are_there():
    for page in ("LICENSE", "NOTICE", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"):
        assert (ROOT / page).stat().st_size > 0, page
    assert "Apache License" in Path(ROOT / "LICENSE").read_text()
