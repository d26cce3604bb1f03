"""Every call a client can make, as a value: method, path, query, body, and the answer's type.

A call can be sent (`Client.send`), or shown (`strongroom ... --print-curl`). Building one checks
only what would change which address is called; everything else is the server's to refuse.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET

from strongroom.client.problems import InvalidArgumentError
from strongroom.domain import asks, limits
from strongroom.domain.algorithms import DEFAULT
from strongroom.domain.words import NAME_PATTERN

AnswerT = TypeVar("AnswerT", bound=asks.Answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[AnswerT]):
    """One request, unsent. `target` is the name or id in the path, if any.

    The body is left out of `repr`: it may be a plaintext.
    """

    operation: str
    method: str
    path: str
    answer: type[AnswerT]
    target: str = ""
    query: str = ""
    body: bytes | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path


# --- keys -----------------------------------------------------------------------------------------


def create_key(
    name: str,
    *,
    algorithm: str = DEFAULT.value,
    labels: dict[str, str] | None = None,
    description: str = "",
) -> Call[asks.KeyView]:
    """A new key with its first version."""
    # A plain dictionary: an algorithm that a newer server knows is not this program's to refuse.
    body: dict[str, object] = {"name": name}
    if algorithm != DEFAULT.value:
        body["algorithm"] = algorithm
    if labels:
        body["labels"] = labels
    if description:
        body["description"] = description
    return _post("key.create", "/v1/keys", asks.KeyView, body, target=name)


def list_keys(
    *, limit: int = limits.PAGE_ITEMS_DEFAULT, page_token: str = ""
) -> Call[asks.KeyPage]:
    """A page of keys, by name."""
    return _page("key.list", "/v1/keys", asks.KeyPage, limit, page_token)


def read_key(name: str) -> Call[asks.KeyView]:
    """A key and its newest versions."""
    return _get("key.read", f"/v1/keys/{_name(name)}", asks.KeyView, target=name)


def update_key(
    name: str, *, labels: dict[str, str] | None = None, description: str | None = None
) -> Call[asks.KeyView]:
    """Labels are replaced as a whole. None leaves what is there."""
    ask = asks.UpdateKey(
        labels=UNSET if labels is None else labels,
        description=UNSET if description is None else description,
    )
    return _send("PATCH", "key.update", f"/v1/keys/{_name(name)}", asks.KeyView, ask, target=name)


def rotate_key(name: str) -> Call[asks.KeyView]:
    """A new version, which encrypts from now on. The old ones go on decrypting."""
    return _post("key.rotate", f"/v1/keys/{_name(name)}/rotate", asks.KeyView, target=name)


def enable_key(name: str) -> Call[asks.KeyView]:
    """The key can be used again."""
    return _post("key.enable", f"/v1/keys/{_name(name)}/enable", asks.KeyView, target=name)


def disable_key(name: str) -> Call[asks.KeyView]:
    """When this is answered, nobody can use the key any more."""
    return _post("key.disable", f"/v1/keys/{_name(name)}/disable", asks.KeyView, target=name)


def encrypt(
    key: str, plaintext: bytes, context: dict[str, str] | None = None
) -> Call[asks.Encrypted]:
    """At most 65,536 bytes. `context` is authenticated, not secret; decrypting needs the same."""
    ask = asks.Encrypt(plaintext=plaintext, context=context or {})
    return _post("key.encrypt", f"/v1/keys/{_name(key)}/encrypt", asks.Encrypted, ask, target=key)


def encrypt_batch(key: str, items: list[asks.EncryptItem]) -> Call[asks.EncryptedBatch]:
    """At most 1,000 items. Each has its own outcome: look at `error`."""
    ask = asks.Encrypt(items=items)
    return _post(
        "key.encrypt", f"/v1/keys/{_name(key)}/encrypt", asks.EncryptedBatch, ask, target=key
    )


def decrypt(
    ciphertext: bytes, context: dict[str, str] | None = None, *, key: str = ""
) -> Call[asks.Decrypted]:
    """The ciphertext names its key. With `key`, a ciphertext of any other key is refused."""
    ask = asks.Decrypt(ciphertext=ciphertext, context=context or {})
    return _post("key.decrypt", _decrypt_path(key), asks.Decrypted, ask, target=key)


def decrypt_batch(items: list[asks.DecryptItem], *, key: str = "") -> Call[asks.DecryptedBatch]:
    """At most 1,000 items. Each has its own outcome: look at `error`."""
    ask = asks.Decrypt(items=items)
    return _post("key.decrypt", _decrypt_path(key), asks.DecryptedBatch, ask, target=key)


# --- identities -----------------------------------------------------------------------------------


def create_principal(
    name: str, *, roles: list[str] | None = None, description: str = ""
) -> Call[asks.PrincipalView]:
    """A new identity."""
    ask = asks.CreatePrincipal(name=name, roles=roles or [], description=description)
    return _post("principal.create", "/v1/principals", asks.PrincipalView, ask, target=name)


def list_principals(
    *, limit: int = limits.PAGE_ITEMS_DEFAULT, page_token: str = ""
) -> Call[asks.PrincipalPage]:
    """A page of identities, by name."""
    return _page("principal.list", "/v1/principals", asks.PrincipalPage, limit, page_token)


def read_principal(name: str) -> Call[asks.PrincipalView]:
    """An identity."""
    path = f"/v1/principals/{_name(name)}"
    return _get("principal.read", path, asks.PrincipalView, target=name)


def update_principal(
    name: str,
    *,
    roles: list[str] | None = None,
    description: str | None = None,
    disabled: bool | None = None,
) -> Call[asks.PrincipalView]:
    """Roles are replaced as a whole. None leaves what is there."""
    ask = asks.UpdatePrincipal(
        roles=UNSET if roles is None else roles,
        description=UNSET if description is None else description,
        disabled=UNSET if disabled is None else disabled,
    )
    path = f"/v1/principals/{_name(name)}"
    return _send("PATCH", "principal.update", path, asks.PrincipalView, ask, target=name)


def list_roles() -> Call[asks.RoleList]:
    """The roles and what each allows."""
    return _get("role.list", "/v1/roles", asks.RoleList)


def create_token(
    principal: str, *, days: int = limits.TOKEN_DAYS_DEFAULT, description: str = ""
) -> Call[asks.TokenCreated]:
    """A new API token. The answer is the only place where it is ever shown."""
    ask = asks.CreateToken(principal=principal, days=days, description=description)
    return _post("token.create", "/v1/tokens", asks.TokenCreated, ask, target=principal)


def list_tokens(
    *, limit: int = limits.PAGE_ITEMS_DEFAULT, page_token: str = ""
) -> Call[asks.TokenPage]:
    """A page of tokens, without their secrets."""
    return _page("token.list", "/v1/tokens", asks.TokenPage, limit, page_token)


def revoke_token(token_id: str) -> Call[asks.Done]:
    """When this is answered, the token opens nothing any more."""
    return _send(
        "DELETE", "token.revoke", f"/v1/tokens/{_id(token_id)}", asks.Done, target=token_id
    )


def whoami() -> Call[asks.WhoAmI]:
    """Who the token's owner is."""
    return _get("identity.read", "/v1/whoami", asks.WhoAmI)


def create_namespace(name: str) -> Call[asks.NamespaceCreated]:
    """A new tenant. The answer is the only place where its administrator's token is ever shown."""
    ask = asks.CreateNamespace(name=name)
    return _post("namespace.create", "/v1/namespaces", asks.NamespaceCreated, ask, target=name)


def list_namespaces(
    *, limit: int = limits.PAGE_ITEMS_DEFAULT, page_token: str = ""
) -> Call[asks.NamespacePage]:
    """A page of namespaces."""
    return _page("namespace.list", "/v1/namespaces", asks.NamespacePage, limit, page_token)


# --- policies -------------------------------------------------------------------------------------


def list_policies() -> Call[asks.PolicyList]:
    """All policies, and the schema that they are checked against."""
    return _get("policy.list", "/v1/policies", asks.PolicyList)


def read_policy(name: str) -> Call[asks.PolicyView]:
    """A policy."""
    return _get("policy.read", f"/v1/policies/{_name(name)}", asks.PolicyView, target=name)


def write_policy(name: str, text: str) -> Call[asks.PolicyView]:
    """The policy is this text from now on."""
    ask = asks.WritePolicy(text=text)
    path = f"/v1/policies/{_name(name)}"
    return _send("PUT", "policy.write", path, asks.PolicyView, ask, target=name)


def delete_policy(name: str) -> Call[asks.Done]:
    """The policy counts no more."""
    return _send("DELETE", "policy.delete", f"/v1/policies/{_name(name)}", asks.Done, target=name)


def explain(
    principal: str, action: str, *, key: str | None = None, context: dict[str, str] | None = None
) -> Call[asks.Explanation]:
    """Whether this principal might do this, which policies decide, and what is missing if not."""
    ask = asks.Explain(
        principal=principal,
        action=action,
        key=UNSET if key is None else key,
        context=context or {},
    )
    return _post("authorize.explain", "/v1/authorize/explain", asks.Explanation, ask)


def read_decision(decision_id: str) -> Call[asks.DecisionView]:
    """A decision that was made, by the id that a refusal carries."""
    path = f"/v1/decisions/{_id(decision_id)}"
    return _get("decision.read", path, asks.DecisionView, target=decision_id)


# --- audit and state ------------------------------------------------------------------------------


def read_audit(  # noqa: PLR0913 - the conditions of a query
    *,
    since: str = "",
    until: str = "",
    principal: str = "",
    key: str = "",
    action: str = "",
    outcome: str = "",
    request: str = "",
    limit: int = limits.PAGE_ITEMS_DEFAULT,
    page_token: str = "",
) -> Call[asks.EventPage]:
    """A page of the audit log. `next_page_token` leads on even from the last, to follow the log.

    One call looks at a bounded part of the log, so a page can be short or empty and the log go on:
    the token is the last position that was looked at, `tree_size` the number of positions.
    """
    query = _query(
        since=since,
        until=until,
        principal=principal,
        key=key,
        action=action,
        outcome=outcome,
        request=request,
        limit="" if limit == limits.PAGE_ITEMS_DEFAULT else str(limit),
        page_token=page_token,
    )
    return _get("audit.read", "/v1/audit/events", asks.EventPage, query=query)


def read_status() -> Call[asks.StatusView]:
    """The node and its rooms."""
    return _get("status.read", "/v1/status", asks.StatusView)


# --- how calls are made ---------------------------------------------------------------------------

_NAME: Final = re.compile(NAME_PATTERN)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NOT_TEXT: Final = "a name, value or text is not valid Unicode"


def _name(name: str) -> str:
    """A name as a part of a path. Raises `InvalidArgumentError` for what is no name.

    Not left to the server: `..` in a path is another address, and never arrives as it was written.
    """
    if _NAME.fullmatch(name) is None:
        # What is longer than a name may be a token in the wrong place, and is not repeated.
        told = f": {name!r}" if len(name) <= limits.NAME_CHARACTERS_MAX else ""
        raise InvalidArgumentError(
            f"not a name{told}. A name is 1 to {limits.NAME_CHARACTERS_MAX} of a-z, 0-9,"
            " '.', '_', '-', with a letter or digit at both ends"
        )
    return quote(name, safe="")


def _id(text: str) -> str:
    """An id as a part of a path. Raises `InvalidArgumentError`, which does not repeat it."""
    if _ID.fullmatch(text) is None:
        raise InvalidArgumentError("not an id: an id is letters and digits")
    return text


def _decrypt_path(key: str) -> str:
    return f"/v1/keys/{_name(key)}/decrypt" if key else "/v1/decrypt"


def _query(**pairs: str) -> str:
    try:
        return urlencode({name: value for name, value in pairs.items() if value}, quote_via=quote)
    except UnicodeEncodeError:
        raise InvalidArgumentError(_NOT_TEXT) from None


def _get(
    operation: str, path: str, answer: type[AnswerT], *, target: str = "", query: str = ""
) -> Call[AnswerT]:
    return Call(
        operation=operation, method="GET", path=path, answer=answer, target=target, query=query
    )


def _page(
    operation: str, path: str, answer: type[AnswerT], limit: int, page_token: str
) -> Call[AnswerT]:
    query = _query(
        limit="" if limit == limits.PAGE_ITEMS_DEFAULT else str(limit), page_token=page_token
    )
    return _get(operation, path, answer, query=query)


def _post(
    operation: str, path: str, answer: type[AnswerT], ask: object = None, *, target: str = ""
) -> Call[AnswerT]:
    return _send("POST", operation, path, answer, ask, target=target)


def _send(  # noqa: PLR0913 - the parts of a call
    method: str,
    operation: str,
    path: str,
    answer: type[AnswerT],
    ask: object = None,
    *,
    target: str = "",
) -> Call[AnswerT]:
    try:
        body = None if ask is None else msgspec.json.encode(ask)
    except UnicodeEncodeError:
        # A lone surrogate, as Python makes of command-line bytes that are not UTF-8.
        raise InvalidArgumentError(_NOT_TEXT) from None
    return Call(
        operation=operation, method=method, path=path, answer=answer, target=target, body=body
    )
