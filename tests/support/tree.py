"""The source tree as tests of the architecture see it: files, syntax trees, the project's table."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "strongroom"


def modules() -> list[Path]:
    """Every module of the program."""
    return sorted(SOURCE.rglob("*.py"))


def name(path: Path) -> str:
    """Short, for messages: `domain/keys.py`."""
    return path.relative_to(SOURCE).as_posix()


def parsed(path: Path) -> ast.Module:
    """Its syntax tree."""
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[str]:
    """Every module that it imports, wherever in the file: `a.b` for `from a import b` too."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())
