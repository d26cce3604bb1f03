"""The page for who runs a witness: typed into a shell, and its tables compared with the program."""

import re

from strongroom.witness import refusals, service, settings
from tests.support.terminal import Terminal
from tests.support.tree import ROOT

PAGE = (ROOT / "docs" / "operate" / "witnesses.md").read_text()


def rows():
    found = re.findall(r"^\| (.*) \|$", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in found]


def test_what_the_page_shows_is_what_the_program_says(tmp_path):
    # The page shows a file that is written after `init`, into the folder that that makes.
    before, file, after = re.split(
        r"(```toml witness/witness\.toml\n.*?```)", PAGE, flags=re.DOTALL
    )
    with Terminal(tmp_path) as terminal:
        terminal.play(before)
        terminal.write_files(file)
        terminal.play(after)
    assert '"the witness listens"' in (tmp_path / "witness.log").read_text()


def test_the_page_has_every_setting_and_its_default():
    said = {name.strip("`"): row[1] for row in rows() for name in row[0].split(", ")}
    for name in settings.Settings.__struct_fields__:
        if name != "logs":
            default = getattr(settings.Settings(), name)
            assert said[name] == (f"`{default}`" if default else "")
    assert {f"logs.{name}" for name in settings.Log.__struct_fields__} <= said.keys()


def test_the_page_has_every_status():
    statuses = {int(row[0][:3]) for row in rows() if row[0][:3].isdecimal()}
    assert statuses == {200, 500, *(each.status for each in refusals.Refused.__subclasses__())}


def test_the_page_has_every_alarm():
    assert set(service._ALARMS) <= {row[0].strip("`") for row in rows()}
