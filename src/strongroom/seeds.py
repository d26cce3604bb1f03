"""A seed: keys that a development server is to have, as a file says.

TOML, or JSON of the same form. `SAMPLE` is all of it, and loads as it is.

It is for tests of programs: ids, material and names are the same each time. Material in a file is
known to whoever has the file, so `strongroom dev` alone takes a seed.
'''
"""

import base64
import binascii
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from strongroom.domain import limits
from strongroom.domain.algorithms import ALGORITHMS, DEFAULT, Algorithm, Purpose
from strongroom.domain.iam import specs
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.words import is_name
from strongroom.doors.aws import names

SAMPLE: Final = """\
# Keys of a development server: strongroom dev --seed seed.toml

[[keys]]
# A UUID, as AWS has ids. It stays what it is, and so does the ARN.
id = "1234abcd-12ab-34cd-56ef-1234567890ab"
# Its name here; without one: seed- and the id.
name = "cards"
# alias/NAME as AWS has them.
aliases = ["alias/cards"]
# What it is: AWS's key spec and usage...
spec = "SYMMETRIC_DEFAULT"
usage = "ENCRYPT_DECRYPT"
description = "card numbers"
tags = { team = "payments" }
# Fixed material: "base64:...", "hex:...", or a private key in PEM. Without it: made by chance.
material = "hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
# Whether it can be used.
enabled = true

[[keys]]
id = "5678abcd-12ab-34cd-56ef-1234567890ab"
# ...or our algorithm and purpose.
algorithm = "ec-p256"
purpose = "sign-verify"
"""

_KEYS_MAX: Final = 1_000
_FILE_BYTES_MAX: Final = limits.BODY_BYTES_MAX
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLACE: Final = re.compile(r" - at `\$(.*)`$")
_INDEX: Final = re.compile(r"\[([0-9]+)\]")


class SeedRefused(Exception):  # noqa: N818 - it says what is the case
    """The file cannot be used. The text names the place in it, and what would be right."""


class SeedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key, in our words. `material` is what is to be imported; None: the server makes it."""

    where: str
    id: str
    name: str
    aliases: tuple[str, ...]
    algorithm: Algorithm
    purpose: Purpose
    description: str
    labels: dict[str, str]
    material: Sensitive | None
    enabled: bool


class _Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    spec: str = ""
    usage: str = ""
    algorithm: str = ""
    purpose: str = ""
    description: str = ""
    tags: dict[str, str] = {}
    material: str = ""
    enabled: bool = True

    def __repr__(self) -> str:
        return f"<seed of {self.id}>"  # without the material


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: tuple[_Key, ...]


def load(path: Path) -> list[SeedKey]:
    """The keys of a file. Raises `SeedRefused`."""
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SeedRefused(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _FILE_BYTES_MAX:
        raise SeedRefused(f"{path} has more than {_FILE_BYTES_MAX:,} bytes")
    try:
        return _keys(_parsed(path, content))
    except SeedRefused as refusal:
        raise SeedRefused(f"{path}: {refusal}") from None


def _parsed(path: Path, content: bytes) -> Any:  # noqa: ANN401 - whatever the file holds
    try:
        if path.suffix == ".json":
            return msgspec.json.decode(content)
        return tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise SeedRefused("it is not UTF-8") from None
    except msgspec.DecodeError as error:
        raise SeedRefused(f"it is not JSON: {error}") from None
    except tomllib.TOMLDecodeError as error:  # names line and column
        raise SeedRefused(f"it is not TOML: {error}") from None


def _keys(found: Any) -> list[SeedKey]:  # noqa: ANN401 - as above
    try:
        file = msgspec.convert(found, _File)
    except msgspec.ValidationError as error:
        raise SeedRefused(_in_words(str(error))) from None
    if len(file.keys) > _KEYS_MAX:
        raise SeedRefused(f"it has more than {_KEYS_MAX:,} keys")
    keys = [_key(f"keys[{number}]", key) for number, key in enumerate(file.keys, 1)]
    for what, each in (
        ("id", [[key.id] for key in keys]),
        ("name", [[key.name] for key in keys]),
        ("alias", [list(key.aliases) for key in keys]),
    ):
        seen: set[str] = set()
        for key, values in zip(keys, each, strict=True):
            for value in values:
                if value in seen:
                    raise SeedRefused(f"{key.where}: there are two of the {what} {value}")
                seen.add(value)
    return keys


def _key(where: str, key: _Key) -> SeedKey:
    if not _UUID.fullmatch(key.id):
        raise SeedRefused(f"{where}.id is a UUID in lower case, as AWS has ids of keys")
    if key.name and not is_name(key.name):
        raise SeedRefused(
            f"{where}.name is 1 to {limits.NAME_CHARACTERS_MAX} of a-z, 0-9, '.', '_', '-';"
            " a letter or digit at both ends"
        )
    algorithm, purpose = _kind(where, key)
    return SeedKey(
        where=where,
        id=key.id.replace("-", ""),
        name=key.name or f"seed-{key.id}",
        aliases=tuple(_alias(f"{where}.aliases[{n}]", one) for n, one in enumerate(key.aliases, 1)),
        algorithm=algorithm,
        purpose=purpose,
        description=key.description,
        labels=key.tags,
        material=_material(f"{where}.material", key.material) if key.material else None,
        enabled=key.enabled,
    )


def _kind(where: str, key: _Key) -> tuple[Algorithm, Purpose]:
    if (key.spec or key.usage) and (key.algorithm or key.purpose):
        raise SeedRefused(f"{where} has spec and usage, or algorithm and purpose, not both")
    if key.algorithm or key.purpose:
        algorithm = _one_of(f"{where}.algorithm", key.algorithm or DEFAULT, Algorithm)
        purposes = list(ALGORITHMS[algorithm].schemes)
        purpose = key.purpose or ALGORITHMS[algorithm].purpose
        return algorithm, Purpose(_one_of(f"{where}.purpose", purpose, purposes))
    spec = specs.SPECS[_one_of(f"{where}.spec", key.spec or specs.SYMMETRIC, specs.SPECS)]
    usages = list(spec.usages)
    if not key.usage and len(usages) > 1:
        raise SeedRefused(f"{where}.usage is needed for {key.spec}: {', '.join(usages)}")
    usage = _one_of(f"{where}.usage", key.usage or usages[0], usages)
    return spec.algorithm, specs.purpose_of(spec.algorithm, usage)


def _one_of(where: str, value: str, known: Any) -> Any:  # noqa: ANN401 - names of whichever kind
    for one in known:
        if one == value:
            return one
    raise SeedRefused(f"{where} is one of: {', '.join(known)}")


def _alias(where: str, name: str) -> str:
    alias = names.alias_here(name) if name.startswith("alias/") else ""
    if not alias or name.startswith("alias/aws/"):
        raise SeedRefused(
            f"{where} is alias/NAME, of letters, digits and /_-, and short enough to be one here;"
            " alias/aws/ is AWS's own"
        )
    return alias


def _material(where: str, text: str) -> Sensitive:
    """Never repeated in what is said of it."""
    kind, _, value = text.partition(":")
    try:
        if kind == "base64":
            return Sensitive(base64.b64decode(value, validate=True))
        if kind == "hex":
            return Sensitive(bytes.fromhex(value))
    except (binascii.Error, ValueError):
        raise SeedRefused(f"{where} cannot be read as {kind}") from None
    if text.lstrip().startswith("-----BEGIN "):
        return Sensitive(text.encode())
    raise SeedRefused(f'{where} is "base64:...", "hex:...", or a private key in PEM')


def _in_words(message: str) -> str:
    """The words of msgspec, with the place first and counted from one, as people count."""
    place = _PLACE.search(message)
    if place is None:
        return f"the file: {message}"
    where = _INDEX.sub(lambda found: f"[{int(found[1]) + 1}]", place[1].removeprefix("."))
    return f"{where or 'the file'}: {message[: place.start()]}"
