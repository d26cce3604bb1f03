"""Calls about keys: make, look for, change, and every step of their life.

Wherever a key is named, `alias:NAME` does it too. Times are RFC 3339 with their zone, such as
`2026-01-31T12:00:00Z`; an empty one is never. With `key_version`, a step is about that version
alone.
"""

from strongroom.client.call import (
    Call,
    getting,
    given,
    key_part,
    paging,
    posting,
    query_text,
    sending,
)
from strongroom.domain import asks, limits
from strongroom.domain.algorithms import DEFAULT

# --- make, look for, change -----------------------------------------------------------------------


def create_key(  # noqa: PLR0913 - what a key is made of
    name: str,
    *,
    algorithm: str = DEFAULT.value,
    purpose: str | None = None,
    origin: str | None = None,
    labels: dict[str, str] | None = None,
    description: str = "",
    activates: str = "",
    deactivates: str = "",
    rotation_days: int | None = None,
    rotation_uses: int | None = None,
    exportable: bool = False,
    deletion_protection: bool = False,
    control: asks.UseControl | None = None,
    key_id: str = "",
    multi_region: bool = False,
) -> Call[asks.KeyView]:
    """A new key with its first version; with the origin `imported`, without any yet.

    Without `purpose`, for what its algorithm is for first; without `rotation_days`, rotated as that
    says. `control` bounds its use. A `multi_region` key can be replicated. A server in development
    mode takes a `key_id`, no other does.
    """
    body = given(
        name=name,
        id=key_id or None,
        algorithm=None if algorithm == DEFAULT.value else algorithm,
        purpose=purpose,
        origin=origin,
        labels=labels or None,
        description=description or None,
        activates=activates or None,
        deactivates=deactivates or None,
        rotation_days=rotation_days,
        rotation_uses=rotation_uses,
        exportable=exportable or None,
        deletion_protection=deletion_protection or None,
        control=control,
        multi_region=multi_region or None,
    )
    return posting("key.create", "/v1/keys", asks.KeyView, body, target=name)


def list_keys(  # noqa: PLR0913 - the conditions of a query
    *,
    state: str = "",
    algorithm: str = "",
    purpose: str = "",
    label: str = "",
    search: str = "",
    limit: int = limits.PAGE_ITEMS_DEFAULT,
    page_token: str = "",
) -> Call[asks.KeyPage]:
    """A page of the keys that match all that is given, by name.

    `label` is a name, or `name=value`; `search` a part of name or description. One call looks at a
    bounded number of keys, so a page can be short or empty and still lead on.
    """
    return paging(
        "key.list",
        "/v1/keys",
        asks.KeyPage,
        limit,
        page_token,
        state=state,
        algorithm=algorithm,
        purpose=purpose,
        label=label,
        search=search,
    )


def read_key(name: str, *, before: int | None = None) -> Call[asks.KeyView]:
    """A key and its newest versions, a hundred at most; with `before`, those below that number."""
    query = query_text(before="" if before is None else str(before))
    return getting("key.read", _path(name), asks.KeyView, target=name, query=query)


def update_key(  # noqa: PLR0913 - what can be changed
    name: str,
    *,
    labels: dict[str, str] | None = None,
    add_labels: dict[str, str] | None = None,
    remove_labels: list[str] | None = None,
    description: str | None = None,
    activates: str | None = None,
    deactivates: str | None = None,
    rotation_days: int | None = None,
    rotation_uses: int | None = None,
    min_version: int | None = None,
    deletion_protection: bool | None = None,
    control: asks.UseControl | None = None,
    primary_region: str | None = None,
) -> Call[asks.KeyView]:
    """`labels` and `control` are replaced as a whole. None leaves what is there.

    `add_labels` and `remove_labels` leave the labels of other names as they are.

    Versions below `min_version` are used no more. 0 days or uses: no rotation by these.
    `primary_region`, alone, makes the replica there the primary of a multi-Region key.
    """
    body = given(
        labels=labels,
        add_labels=add_labels,
        remove_labels=remove_labels,
        description=description,
        activates=activates,
        deactivates=deactivates,
        rotation_days=rotation_days,
        rotation_uses=rotation_uses,
        min_version=min_version,
        deletion_protection=deletion_protection,
        control=control,
        primary_region=primary_region,
    )
    return sending("PATCH", "key.update", _path(name), asks.KeyView, body, target=name)


def replicate_key(
    name: str,
    *,
    region: str,
    replica_name: str | None = None,
    labels: dict[str, str] | None = None,
    description: str = "",
) -> Call[asks.KeyView]:
    """A replica of a multi-Region key in another Region: the same material, other rights.

    Imported material does not go there by itself: import each version there, too.
    """
    body = given(
        region=region,
        name=replica_name,
        labels=labels or None,
        description=description or None,
    )
    path = f"{_path(name)}/replicate"
    return posting("key.replicate", path, asks.KeyView, body, target=name)


# --- a key's life ---------------------------------------------------------------------------------


def rotate_key(name: str, *, keep_schedule: bool = False) -> Call[asks.KeyView]:
    """A new version, which encrypts from now on. The old ones go on decrypting.

    Of an imported key it is the version that waits for that. With `keep_schedule`, the next one by
    itself comes when it was to come anyway.
    """
    body = given(keep_schedule=keep_schedule or None)
    return posting("key.rotate", f"{_path(name)}/rotate", asks.KeyView, body or None, target=name)


def enable_key(name: str, *, key_version: int | None = None) -> Call[asks.KeyView]:
    """The key can be used again."""
    return _step("enable", name, key_version=key_version)


def disable_key(name: str, *, key_version: int | None = None) -> Call[asks.KeyView]:
    """When this is answered, nobody can use the key any more."""
    return _step("disable", name, key_version=key_version)


def deactivate_key(name: str, *, key_version: int | None = None) -> Call[asks.KeyView]:
    """From now on the key only decrypts and verifies. There is no way back."""
    return _step("deactivate", name, key_version=key_version)


def mark_key_compromised(name: str, *, key_version: int | None = None) -> Call[asks.KeyView]:
    """Only who may use compromised keys decrypts and verifies with it now. There is no way back."""
    return _step("mark-compromised", name, key_version=key_version)


def schedule_key_destruction(
    name: str, *, days: int | None = None, key_version: int | None = None
) -> Call[asks.KeyView]:
    """Nothing can be done with the key from now on; after so many days its material is erased.

    Without `days`, 30, or the namespace's least if that is more.
    """
    return _step("schedule-destruction", name, days=days, key_version=key_version)


def cancel_key_destruction(name: str, *, key_version: int | None = None) -> Call[asks.KeyView]:
    """The key is kept: disabled, unless it had been deactivated or compromised before."""
    return _step("cancel-destruction", name, key_version=key_version)


def _step(step: str, name: str, **fields: int | None) -> Call[asks.KeyView]:
    body = given(**fields)
    path = f"{_path(name)}/{step}"
    return posting(f"key.{step}", path, asks.KeyView, body or None, target=name)


def _path(name: str) -> str:
    return f"/v1/keys/{key_part(name)}"
