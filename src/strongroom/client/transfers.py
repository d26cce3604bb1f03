"""Calls that bring keys in and out, tell who used them, and give them other names.

An import takes three steps: `import_parameters` returns a public key and a token,
`wrapping.wrapped` wraps the material here, `import_material` hands it in.
"""

from strongroom.client.call import (
    Call,
    getting,
    given,
    key_part,
    name_part,
    paging,
    posting,
    query_text,
    sending,
)
from strongroom.domain import asks, limits, transfers
from strongroom.domain.words import ALIAS_PREFIX

WRAPPING = transfers.Wrapping.RSA_AES_KWP_SHA256.value
_WRAPPING_KEY = transfers.WrappingKey.RSA_4096.value
_DAYS = 90


# --- material -------------------------------------------------------------------------------------


def import_parameters(
    key: str, *, wrapping_key: str = _WRAPPING_KEY, wrapping: str = ""
) -> Call[transfers.ImportParametersView]:
    """A public key to wrap one piece of material for, and the token to hand it in with.

    For keys of the origin `imported`. Good for a day and one import. `wrapping_key`: `rsa-2048`,
    `rsa-3072` or `rsa-4096`, which takes the server some seconds to make. With `wrapping`, the
    import takes that one alone.
    """
    body = given(
        wrapping_key=None if wrapping_key == _WRAPPING_KEY else wrapping_key,
        wrapping=wrapping or None,
    )
    path, answer = _path(key, "import-parameters"), transfers.ImportParametersView
    return posting("key.import-parameters", path, answer, body or None, target=key)


def import_material(  # noqa: PLR0913 - what an import says
    key: str,
    wrapped_material: bytes,
    *,
    import_token: str,
    wrapping: str = WRAPPING,
    expires: str = "",
    key_version: int | None = None,
    waits: bool = False,
    again: bool = False,
    description: str | None = None,
) -> Call[transfers.ImportedKey]:
    """The key's first material, or its next version. When it `expires`, it is erased.

    A next version that `waits` is used once the key is rotated. With `key_version`, the same
    material again for a version whose material expired or was deleted; with `again`, also for one
    that has it still, and whichever it is; so it comes to a replica, too. New material of a key
    with replicas waits until it is in each. `description` says what the material is to you.
    """
    body = given(
        import_token=import_token,
        wrapped_material=wrapped_material,
        wrapping=None if wrapping == WRAPPING else wrapping,
        expires=expires or None,
        key_version=key_version,
        waits=waits or None,
        again=again or None,
        description=description,
    )
    return posting("key.import", _path(key, "import"), transfers.ImportedKey, body, target=key)


def delete_imported_material(key: str, *, key_version: int | None = None) -> Call[asks.KeyView]:
    """The material is erased at once. Only the same can be imported again."""
    body = given(key_version=key_version)
    path = _path(key, "delete-imported-material")
    return posting("key.delete-imported-material", path, asks.KeyView, body or None, target=key)


def export_material(
    key: str, public_key: bytes, *, wrapping: str = WRAPPING, key_version: int | None = None
) -> Call[transfers.Exported]:
    """The material of an exportable key, wrapped for an RSA public key (SPKI, DER) of yours."""
    body = given(
        public_key=public_key,
        wrapping=None if wrapping == WRAPPING else wrapping,
        key_version=key_version,
    )
    return posting("key.export", _path(key, "export"), transfers.Exported, body, target=key)


def backup_key(key: str) -> Call[transfers.Backup]:
    """The whole key as an opaque blob, which opens where the same root key is."""
    return posting("key.backup", _path(key, "backup"), transfers.Backup, target=key)


def restore_key(backup: bytes, *, name: str | None = None) -> Call[asks.KeyView]:
    """The key in a backup, where there is none: neither it, nor one of its name, nor of `name`."""
    body = given(backup=backup, name=name)
    return posting("key.restore", "/v1/restore", asks.KeyView, body, target=name or "")


# --- usage ----------------------------------------------------------------------------------------


def read_usage(key: str, *, days: int = _DAYS) -> Call[transfers.UsageView]:
    """Who used which version in the last so many days, and which is safe to retire."""
    query = query_text(days="" if days == _DAYS else str(days))
    path = _path(key, "usage")
    return getting("key.read-usage", path, transfers.UsageView, target=key, query=query)


# --- other names ----------------------------------------------------------------------------------


def write_alias(name: str, key: str) -> Call[transfers.AliasView]:
    """`alias:NAME` is that key from now on, whatever it was before. Needs the right for both."""
    path = f"/v1/aliases/{name_part(name)}"
    body = given(key=key)
    return sending("PUT", "alias.write", path, transfers.AliasView, body, target=key)


def list_aliases(
    *, limit: int = limits.PAGE_ITEMS_DEFAULT, page_token: str = ""
) -> Call[transfers.AliasPage]:
    """A page of aliases, by name."""
    return paging("alias.list", "/v1/aliases", transfers.AliasPage, limit, page_token)


def delete_alias(name: str) -> Call[asks.Done]:
    """The alias names nothing any more. The key stays as it is."""
    path = f"/v1/aliases/{name_part(name)}"
    return sending("DELETE", "alias.delete", path, asks.Done, target=ALIAS_PREFIX + name)


# --- published keys -------------------------------------------------------------------------------


def read_jwks() -> Call[transfers.JWKSet]:
    """The public halves of the own namespace's signing keys (RFC 7517)."""
    return getting("jwks.read", "/v1/jwks", transfers.JWKSet)


def read_published_jwks(namespace: str) -> Call[transfers.JWKSet]:
    """Those of any namespace that publishes them. Anybody may read them."""
    path = f"/v1/namespaces/{name_part(namespace)}/jwks.json"
    return getting("jwks.read-published", path, transfers.JWKSet, target=namespace)


def _path(key: str, act: str) -> str:
    return f"/v1/keys/{key_part(key)}/{act}"
