"""`--print-curl` and `--print-policy` of `strongroom otp`: what is printed does, and suffices."""

import json
import os
import shutil
import subprocess

import pytest

from strongroom.domain.operations import OPERATIONS
from tests.cli.test_identities import new_token
from tests.support.otp_people import code, line, uri

# A command line for each operation, in an order in which each succeeds: what it reads, who does it.
# {one}: an active credential; {new}: one that was just enrolled; {ocra}: one with challenges.
COMMANDS = {
    "otp.write-profile": (["profile", "write", "cards"], b'lockout = "lock"\n', "officer"),
    "otp.list-profiles": (["profile", "list"], b"", "officer"),
    "otp.delete-profile": (["profile", "delete", "cards"], b"", "officer"),
    "otp.import": (["import", "{file}", "--format", "otpauth"], b"", "migrator"),
    "otp.enrol": (["enrol", "it's $HOME", "--issuer", 'a "bank"'], b"", "enroller"),
    "otp.link": (["link", "{new}", "--account", "carl"], b"", "enroller"),
    "otp.activate": (["activate", "{new}"], b"000000\n", "enroller"),
    "otp.challenge": (["challenge", "{ocra}", "--transaction", "to=it's me"], b"", "enroller"),
    "otp.list": (["list", "--locked", "--limit", "1"], b"", "officer"),
    "otp.read": (["show", "{one}"], b"", "officer"),
    "otp.verify": (["verify", "{one}"], line(code(0)), "verifier"),
    "otp.verify-user": (["verify-user", "alice"], line(code(1)), "verifier"),
    "otp.resync": (["resync", "{one}"], line(code(20), code(21)), "helpdesk"),
    "otp.compute": (["compute", "{one}"], b"", ""),
    "otp.rotate": (["rotate", "{one}", "--later"], b"", "enroller"),
    "otp.suspend": (["suspend", "{one}"], b"", "helpdesk"),
    "otp.resume": (["resume", "{one}"], b"", "helpdesk"),
    "otp.unlock": (["unlock", "{one}"], b"", "helpdesk"),
    "otp.create-job": (["job", "create", "resume", "--user", "alice"], b"", "officer"),
    "otp.list-jobs": (["job", "list"], b"", "officer"),
    "otp.read-job": (["job", "show", "{job}"], b"", "officer"),
    "otp.update-job": (["job", "pause", "{job}"], b"", "officer"),
    "otp.revoke": (["revoke", "{one}"], b"", "officer"),
    "otp.destroy": (["destroy", "{one}"], b"", "officer"),
}
# An export needs a key of its own; a link is fetched by `enrol --qr`, which needs an answer first.
NOT_PRINTED = {"otp.export", "otp.fetch"}


def test_every_operation_has_a_command():
    ours = {name for name in OPERATIONS if name.startswith("otp.")}
    assert COMMANDS.keys() | NOT_PRINTED == ours


def typed(words, filled):
    return ["otp", *(word.format_map(filled) if word.startswith("{") else word for word in words)]


@pytest.fixture
def filled(people):
    """What is in braces."""
    file = people.folder / "list"
    file.write_text(uri("totp", "carl"))

    def enrolled(*words):
        words = ("otp", "enrol", "bob", "--later", *words)
        return people.told("enroller", *words)["credential"]["id"]

    return {
        "file": str(file), "one": people.counter(), "new": enrolled(),
        "ocra": enrolled("--type", "ocra", "--suite", "OCRA-1:HOTP-SHA1-6:QN08"),
        "job": people.told("officer", "otp", "job", "create", "resume", "--everything")["id"],
    }  # fmt: skip


def test_what_is_printed_does_what_the_command_does(people, cli, server, filled, monkeypatch):
    """One after the other, each by who has the duty; compute by a policy."""
    text = 'permit (principal == Principal::"officer", action == Action::"otp.compute", resource);'
    cli.does("policy", "put", "show", stdin=text.encode())
    for operation, (words, stdin, duty) in COMMANDS.items():
        told = [
            "otp",
            *(word.format_map(filled) if word.startswith("{") else word for word in words),
        ]
        who = people.variable(duty or "officer")
        asked = len(server.asked)
        printed = cli(*told, "--print-curl", "--token-from", who, stdin=stdin)
        assert (printed.code, printed.err) == (0, ""), operation
        assert len(server.asked) == asked  # nothing was sent
        ran = subprocess.run(
            [shutil.which("bash")], input=printed.out.encode(), env=dict(os.environ),
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, (operation, ran)
        assert server.asked[asked:] == [operation]
        if operation == "otp.verify":
            assert json.loads(ran.stdout) == {"valid": True}


def test_policies_are_about_what_the_command_is_about(cli, filled):
    for operation, (words, _, _) in COMMANDS.items():
        told = [
            "otp",
            *(word.format_map(filled) if word.startswith("{") else word for word in words),
        ]
        printed = cli.does(*told, "--print-policy", "--for", "app")
        assert f'Action::"{operation}"' in printed
        (named,) = {"{one}", "{new}", "{ocra}"} & set(words) or {""}
        wanted = (
            f'resource == Credential::"{named.format_map(filled)}"' if named else ", resource);"
        )
        assert wanted in printed, operation


@pytest.mark.parametrize("operation", ["otp.enrol", "otp.import", "otp.verify", "otp.create-job"])
def test_printed_policy_suffices_and_nothing_less_does(cli, filled, monkeypatch, operation):
    """A principal without roles can do it with that policy in force, and not without it."""
    words, stdin, _ = COMMANDS[operation]
    words = typed(words, filled)
    cli.does("principal", "create", "bare")
    monkeypatch.setenv("BARE", new_token(cli, "bare")["token"])
    bare = ["--token-from", "BARE"]
    assert cli(*words, *bare, stdin=stdin).code == 4
    printed = cli.does(*words, "--print-policy", "--for", "bare")
    cli.does("policy", "put", "printed", stdin=printed.encode())
    done = cli(*words, *bare, stdin=stdin)
    assert done.code == 0, done
