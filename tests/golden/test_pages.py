"""Pages about formats, design and decisions name what there is; the code names its pages."""

import re
from pathlib import Path

import pytest

from strongroom.domain.lifecycle import State
from strongroom.domain.records import Kind
from strongroom.domain.things import Key, Namespace, Policies, Principal, Token, Version

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for folder in ("formats", "design", "decisions")
    for page in (ROOT / "docs" / folder).glob("*.md")
)
BODIES = {
    Kind.NAMESPACE: Namespace,
    Kind.KEY: Key,
    Kind.VERSION: Version,
    Kind.PRINCIPAL: Principal,
    Kind.TOKEN: Token,
    Kind.POLICIES: Policies,
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_and_every_file_that_a_page_names_is_there(page):
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target
    for path in re.findall(r"`((?:tests|docs|domain|services|adapters|node)/[\w./-]+)`", text):
        base = ROOT if path.startswith(("tests/", "docs/")) else ROOT / "src" / "strongroom"
        assert (base / path).exists(), path


def test_every_page_about_a_format_that_the_code_names_is_there():
    named = set()
    for source in (ROOT / "src").rglob("*"):
        if source.suffix in {".py", ".sql"}:
            named |= set(re.findall(r"docs/formats/[\w.-]+\.md", source.read_text()))
    assert named
    assert not [page for page in sorted(named) if not (ROOT / page).exists()]


def test_every_format_is_in_the_list_of_formats():
    folder = ROOT / "docs" / "formats"
    listed = (folder / "README.md").read_text()
    for page in folder.glob("*-[0-9].md"):
        assert f"]({page.name})" in listed, page.name


def test_every_decision_is_in_the_list_of_decisions():
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text()
    for page in folder.glob("0*.md"):
        assert f"]({page.name})" in listed, page.name
        assert "**What gets worse.**" in page.read_text(), page.name


def test_the_page_about_records_has_every_kind_every_field_and_every_state():
    text = (ROOT / "docs" / "formats" / "record-1.md").read_text()
    rows = {line[3]: line for line in text.splitlines() if re.match(r"\| `[a-z]` ", line)}
    assert rows.keys() == {kind.value for kind in Kind}
    for kind, body in BODIES.items():
        fields = re.findall(r"`(\w+)`", rows[kind].split("|")[3])
        assert [f for f in fields if f in body.__struct_fields__] == list(body.__struct_fields__)
    assert all(f"`{state}`" in text for state in State)


def test_the_glossary_has_each_word_once_in_the_order_of_the_alphabet():
    text = (ROOT / "docs" / "design" / "DESIGN.md").read_text().split("## Glossary")[1]
    words = re.findall(r"^\| \*\*([\w ]+)\*\*", text, flags=re.MULTILINE)
    assert len(words) > 30
    assert words == sorted(set(words))
