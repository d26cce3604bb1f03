"""Go's implementation of transparency logs, to ask (tests/tlog/go).

Its packages are those that every Go toolchain has in it, so nothing is fetched.
"""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).parent.parent / "tlog" / "go"
_VENDORED = {
    "golang.org/x/mod": ("sumdb/note", "sumdb/tlog"),
    "golang.org/x/crypto": ("ed25519",),  # in the oldest, such as Debian 12's
}


class RefusedByGo(Exception):  # noqa: N818 - an answer, not a fault
    """What Go said no with."""


class Go:
    """The program, as something that answers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, do: str, **question: Any) -> dict[str, Any]:
        """Its answer. Raises `RefusedByGo`."""
        line = json.dumps({"do": do, **question}, default=_base64)
        self._process.stdin.write(line.replace("\n", "") + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RefusedByGo(answer["error"])
        return answer

    def takes(self, do: str, **question: Any) -> bool:
        """Whether it has an answer."""
        try:
            self.ask(do, **question)
        except RefusedByGo:
            return False
        return True


def missing() -> str:
    """Why Go cannot be asked here; empty if it can."""
    return "" if shutil.which("go") else "NO GO HERE: nobody else's eyes look at our proofs"


@contextmanager
def running(folder: Path) -> Iterator[Go]:
    """Go's program, built in that folder without any network."""
    environment = {
        **os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOSUMDB": "off",
        "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0",
    }  # fmt: skip
    if "HOME" not in environment:
        environment["GOCACHE"] = str(folder / "cache")

    def go(*arguments: str) -> str:
        done = subprocess.run(
            ["go", *arguments], cwd=folder, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    # Its packages are written in the toolchain's own version of the language: 1.26 of go1.26.8.
    version = ".".join(go("env", "GOVERSION").removeprefix("go").split(".")[:2])
    # The toolchain's own copies, which no program may import where they lie.
    vendored = Path(go("env", "GOROOT")) / "src/cmd/vendor"
    module = f"module asked\n\ngo {version}\n"
    for name, packages in _VENDORED.items():
        if not (vendored / name).exists():
            continue
        for package in packages:
            shutil.copytree(vendored / name / package, folder / name / package)
        (folder / name / "go.mod").write_text(f"module {name}\n\ngo {version}\n")
        module += f"\nrequire {name} v0.0.0\n\nreplace {name} => ./{name}\n"
    (folder / "go.mod").write_text(module)
    for source in PROGRAM.glob("*.go"):
        shutil.copy(source, folder)
    go("build", "-o", "asked", ".")
    with subprocess.Popen(
        [folder / "asked"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Go(process)
        finally:
            process.stdin.close()


def raw(text: str) -> bytes:
    """Bytes of an answer."""
    return base64.b64decode(text)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
