"""The pages for beginners: what they show is typed into a shell, and says what the page says."""

from tests.support.terminal import Terminal, Tour
from tests.support.tree import ROOT


def test_login_says_what_the_page_says(tmp_path):
    page = (ROOT / "docs" / "start" / "login.md").read_text()
    with (
        Tour(tmp_path / "strongroom-dev") as node,
        Terminal(tmp_path, node=node) as terminal,
    ):
        terminal.play(page)


def test_quickstart_says_what_the_page_says(tmp_path):
    page = (ROOT / "docs" / "start" / "quickstart.md").read_text()
    with (
        Tour(tmp_path / "strongroom-dev") as node,
        Terminal(tmp_path, node=node, activated=False) as terminal,
    ):
        terminal.play(page)
