"""What policies are written in: the Cedar schema, from the operation table; minimal policies."""

from typing import Final

from strongroom.domain.operations import OPERATIONS, RIGHTS, Resource

_ENTITIES: Final = """\
entity Role;
entity Namespace;
entity Principal in [Role, Namespace];
entity Key in [Namespace] { algorithm: String } tags String;
entity Token in [Namespace];
entity Policy in [Namespace];
entity Credential in [Namespace];
entity Encryption tags String;
"""

# A key's labels and the pairs of an encryption context are tags, since their names are the user's
# own: resource.hasTag("team") && resource.getTag("team") == "pay"
# context.encryption.hasTag("tenant") && context.encryption.getTag("tenant") == "a"
_CONTEXT: Final = "{ encryption: Encryption, source: String, now: datetime }"


def schema() -> str:
    """The schema that every policy text is validated against."""
    rows = {operation.name: operation.resource for operation in OPERATIONS.values()} | RIGHTS
    actions = [
        f'action "{name}" appliesTo '
        f"{{ principal: [Principal], resource: [{resource}], context: {_CONTEXT} }};"
        for name, resource in rows.items()
    ]
    return _ENTITIES + "\n".join(actions) + "\n"


def needed_policy(action: str, principal: str, resource: Resource, name: str) -> str:
    """The smallest policy that would allow this and nothing else."""
    return (
        f"permit (principal == Principal::{quoted(principal)}, "
        f"action == Action::{quoted(action)}, resource == {resource}::{quoted(name)});"
    )


def quoted(text: str) -> str:
    """A Cedar string literal. Escapes all beyond printable ASCII, so that nothing can break out."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if " " <= character <= "~":
        return character
    return f"\\u{{{ord(character):x}}}"
