"""The reference page, the exit codes and the command agree."""

import importlib.util
import re
from pathlib import Path

from strongroom.cli.exits import MEANING, OF_CODE, Exit
from strongroom.domain.errors import REFUSALS

ROOT = Path(__file__).parent.parent.parent


def reference():
    spec = importlib.util.spec_from_file_location(
        "cli_reference", ROOT / "tools" / "cli_reference.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_what_the_program_says():
    tool = reference()
    assert tool.PAGE.read_text() == tool.render(), "run: python tools/cli_reference.py"


def test_page_has_every_command():
    page = reference().render()
    headings = re.findall(r"^### `strongroom ([a-z-]+(?: [a-z-]+){0,2})", page, re.MULTILINE)
    assert {
        "encrypt", "key rotate", "audit tail", "policy put", "whoami", "verify-mac",
        "data-key-pair", "key public-key", "algorithms", "key import", "key schedule-destruction",
        "alias set", "namespace update", "jwks", "rewrap",
    } <= set(headings)  # fmt: skip
    assert len(headings) == len(set(headings))


def test_every_exit_code_has_a_meaning_and_none_changes():
    assert MEANING.keys() == set(Exit)
    assert {code.name: code.value for code in Exit} == {
        "DONE": 0, "REFUSED": 1, "USAGE": 2, "UNAUTHENTICATED": 3, "NOT_ALLOWED": 4,
        "NOT_FOUND": 5, "CONFLICT": 6, "UNAVAILABLE": 7, "INVALID_CIPHERTEXT": 8, "NOT_VALID": 9,
        "PARTLY": 10,
        "INTERRUPTED": 130, "BROKEN_PIPE": 141,
    }  # fmt: skip


def test_exit_codes_are_of_refusals_that_there_are():
    assert OF_CODE.keys() <= {refusal.code for refusal in REFUSALS}


def test_token_can_be_given_nowhere_on_a_command_line():
    """Only a variable's name, a token's id, a page token and an import's ticket have options."""
    options = set(re.findall(r"--[a-z-]*token[a-z-]*", reference().render()))
    assert options == {"--token-from", "--page-token", "--token-file", "--import-token"}
