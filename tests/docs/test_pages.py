"""What holds for every page: links lead somewhere, and what looks like a command is run."""

import re

import pytest

from tests.support.terminal import blocks
from tests.support.tree import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# Pages whose console boxes are played by the tests beside this one, or by those of a client.
PLAYED = [
    ROOT / "README.md", *ROOT.glob("docs/start/*.md"), *ROOT.glob("docs/operate/*.md"),
    *(ROOT / "docs" / "compat" / f"{one}.md" for one in ("aws-cli", "aws-encryption-sdk", "tink")),
]  # fmt: skip
# What a box may hold there. `console` is played, files are written and used, the others are checked
# or are to be adapted. The one `sh` is the README's two commands.
LANGUAGES = {"console", "cedar", "ini", "python", "text", "toml", "yaml"}


def label(page):
    return page.relative_to(ROOT).as_posix()


def anchors(page):
    """The headings of a page as GitHub names them in links."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.exists(), target
        if anchor:
            assert anchor in anchors(to), target


@pytest.mark.parametrize("page", sorted(PLAYED), ids=label)
def test_what_looks_like_a_command_is_run_or_is_seen_not_to_be_one(page):
    languages = {language for language, _, _ in blocks(page.read_text())}
    allowed = LANGUAGES | ({"sh"} if page == ROOT / "README.md" else set())
    assert languages <= allowed
    for language, _, content in blocks(page.read_text()):
        assert (language == "console") == content.startswith("$ "), content


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    for folder in ("start", "compat", "operate", "reference", "design"):
        for page in (ROOT / "docs" / folder).glob("*.md"):
            assert f"]({folder}/{page.name})" in index, page.name


def test_readme_links_every_page_of_start_and_operate():
    readme = (ROOT / "README.md").read_text()
    for folder in ("start", "operate"):
        for page in (ROOT / "docs" / folder).glob("*.md"):
            assert f"](docs/{folder}/{page.name})" in readme, page.name
