"""Plays what a page shows: its commands are typed into a shell, what they say is compared.

A page's fenced blocks, by the first word behind the fence:

    ```console            `$ ` is typed (a line that ends in \\ goes on), the rest is what it says,
                          standard error too. A line `...` stands for any lines, ` ...` at the end
                          of a line for the rest of it.
    ```cedar NAME         is written to a file of that name before the page goes on; the same for
                          `python NAME`, `toml NAME`

What differs each time (times, ids, tokens, ciphertexts, ports) is known by its form. An id or token
that comes up again must be the same again, in commands too.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Timer

from tests.support.nodes import SOURCE, Node
from tests.support.ports import free_port

# What differs: form -> (how a page's own is found, what may stand in its place).
_FORMS = {
    "token": (r"\bsrt_[a-z2-7]{72}\b", r"srt_[a-z2-7]{72}"),
    "time": (
        r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z",
        r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z",
    ),
    "hash": (r"\b[0-9a-f]{64}\b", r"[0-9a-f]{64}"),
    "id": (r"\b[0-9a-f]{32}\b", r"[0-9a-f]{32}"),
    "url": (r"\bhttps?://127\.0\.0\.1:\d+", r"https?://127\.0\.0\.1:\d+"),
    "base64": (r"\b[A-Za-z0-9+/]{80,}={0,2}", None),  # as long as the page's
    "credential": (r"\botp-[a-z2-7]{26}\b", r"otp-[a-z2-7]{26}"),
    "link": (r"\botl_[A-Za-z0-9_-]{86}", r"otl_[A-Za-z0-9_-]{86}"),
    "token-id": (r"\b(?=[a-z]*[2-7])[a-z2-7]{16}\b", r"[a-z2-7]{16}"),
}
_REMEMBERED = {"token", "hash", "id", "credential", "link", "token-id"}
_FOUND = re.compile("|".join(f"(?P<{n.replace('-', '_')}>{p})" for n, (p, _) in _FORMS.items()))
_BLOCK = re.compile(r"^ *```(\w*) ?([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_COMMAND_SECONDS = 60
_SENTINEL = "-- the end of what it says --"


def blocks(text):
    """The fenced blocks of a page: language, what stands behind it, content."""
    return [found.groups() for found in _BLOCK.finditer(text)]


def turns(block):
    """The commands of a block, each with the lines that it is to say."""
    found, going_on = [], False
    for line in block.splitlines():
        if going_on:
            found[-1][0] += "\n" + line
        elif line.startswith("$ "):
            found.append([line[2:], []])
        elif found:
            found[-1][1].append(line)
        going_on = line.endswith("\\") and (going_on or line.startswith("$ "))
    for _, said in found:
        while said and not said[-1]:  # blank lines before the next command are for the reader
            said.pop()
    return found


def compare(expected, said, remembered):
    """Fail unless the lines are as expected; remember what is the page's, and what came instead."""
    text = "\n".join(expected)
    pattern, groups, end = "", [], 0
    for found in _FOUND.finditer(text):
        pattern += re.escape(text[end : found.start()])
        end = found.end()
        kind, own = found.lastgroup.replace("_", "-"), found[0]
        if own in remembered:
            pattern += re.escape(remembered[own])
            continue
        form = _FORMS[kind][1]
        if form is None:
            padding = own.count("=")
            form = f"[A-Za-z0-9+/]{{{len(own) - padding}}}={{{padding}}}"
        if own in groups and kind in _REMEMBERED:
            pattern += f"(?P=g{groups.index(own)})"
        else:
            pattern += f"(?P<g{len(groups)}>{form})"
            groups.append(own if kind in _REMEMBERED else "")
    pattern += re.escape(text[end:])
    dots = re.escape("...")
    lines = pattern.split("\\\n")
    pattern = "".join(
        r"(?:[^\n]*(?:\n|\Z))*?"
        if line == dots
        else line.removesuffix(dots) + (r"[^\n]*" if line.endswith(dots) else "") + r"(?:\n|\Z)"
        for line in lines
    )
    match = re.fullmatch(pattern, "\n".join(said))
    assert match is not None, "\n".join(["the page says:", *expected, "", "but it is:", *said])
    for number, own in enumerate(groups):
        if own:
            remembered[own] = match[f"g{number}"]


class Terminal:
    """A shell in a folder, with `strongroom` and `python`, and with nothing of ours beside.

    `packages` are folders that `python` imports from, too; their Python programs can be called.
    """

    def __init__(self, folder, *, node=None, activated=True, packages=()):
        self.folder = Path(folder)
        self._node = node
        self.remembered = {}
        home, self._programs = self.folder / "home", self.folder / "programs"
        for made in (home, self._programs):
            made.mkdir(parents=True)
        self._program("strongroom", "-m", "strongroom.cli")
        self._program("strongroom-verify", "-m", "strongroom.verify")
        self._program("strongroom-witness", "-m", "strongroom.witness")
        self._program("python", packages=packages)
        for program in (one for place in packages for one in (place / "bin").iterdir()):
            if program.is_file():
                self._program(program.name, str(program), packages=packages)
        # A page for beginners says `. .venv/bin/activate` itself.
        (self.folder / ".venv" / "bin").mkdir(parents=True)
        (self.folder / ".venv" / "bin" / "activate").write_text(
            f"PATH={shlex.quote(str(self._programs))}:$PATH\n"
        )
        self._port = free_port()
        path = f"{self._programs}:{os.environ['PATH']}" if activated else os.environ["PATH"]
        self._shell = subprocess.Popen(
            ["/bin/bash", "--noprofile", "--norc"],
            cwd=self.folder,
            env={"PATH": path, "HOME": str(home), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._shell.stdin.close()
        # And whatever a page started and did not stop.
        with suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.wait(timeout=120)
        self._shell.stdout.close()

    def play(self, page):
        """Everything that a page's text says to do. Nothing with `$ ` in front is left out."""
        count = 0
        for language, name, content in blocks(page):
            if language == "console":
                for command, expected in turns(content):
                    said = self.type(command)
                    compare(expected, said, self.remembered)
                    count += 1
            elif name:
                (self.folder / name).write_text(self._ours(content))
        assert count == len(re.findall(r"^ *\$ ", page, re.MULTILINE)) > 0

    def write_files(self, page):
        """Only the files of a page's text."""
        for language, name, content in blocks(page):
            if name and language != "console":
                (self.folder / name).write_text(self._ours(content))

    def type(self, command):
        """Type a command; the lines it says."""
        if command == "make run":
            return self._node.output.decode().splitlines()
        command = self._ours(command)
        print(f"$ {command}")  # noqa: T201 - shown when the comparison fails
        self._shell.stdin.write(
            f"{{ {command}\n}} 2>&1 </dev/null\nprintf '\\n%s\\n' {shlex.quote(_SENTINEL)}\n"
        )
        self._shell.stdin.flush()
        lines = []
        # What never ends must not hold up the tests.
        watchdog = Timer(_COMMAND_SECONDS, self._kill)
        watchdog.start()
        for line in self._shell.stdout:
            if line == _SENTINEL + "\n":
                break
            lines.append(line.rstrip())
            print(lines[-1])  # noqa: T201 - likewise
        else:
            raise AssertionError(f"the shell ended, or this did not: {command}")
        watchdog.cancel()
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def _kill(self):
        os.killpg(self._shell.pid, signal.SIGKILL)

    def _ours(self, text):
        """With the ids and tokens of this run, and with a port that is free."""
        for own, here in self.remembered.items():
            text = text.replace(own, here)
        return text.replace("127.0.0.1:7600", f"127.0.0.1:{self._port}")

    def _program(self, name, *arguments, packages=()):
        path = self._programs / name
        places = ":".join(str(one) for one in (SOURCE, *packages))
        path.write_text(
            f"#!/bin/sh\nPYTHONPATH={shlex.quote(places)}"
            f' exec {shlex.join([sys.executable, *arguments])} "$@"\n'
        )
        path.chmod(0o755)


class Tour(Node):
    """`strongroom dev` as `make run` starts it, with all that it says at first in `output`."""

    def start(self):
        super().start()
        for line in self.process.stdout:
            self.output += line
            if b"Development mode" in line:
                break
        # A reader starts it in the folder of the repository, where the path is one name.
        self.output = self.output.replace(f"{self.directory.parent}/".encode(), b"")
