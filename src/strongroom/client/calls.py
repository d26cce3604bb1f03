"""Calls to encrypt and decrypt, and about identities, namespaces, policies, the audit log.

Those about keys are in `keys`, what else is done with them in `uses`, and `transfers` has what
brings keys in and out. Each is an operation's method, path, body and answer.
"""

from msgspec import UNSET

from strongroom.client.call import (
    Call,
    getting,
    given,
    id_part,
    key_part,
    name_part,
    paging,
    posting,
    sending,
)
from strongroom.domain import asks, limits

# --- encrypt and decrypt --------------------------------------------------------------------------


def encrypt(
    key: str,
    plaintext: bytes,
    context: dict[str, str] | None = None,
    *,
    scheme: str | None = None,
    additional: bytes = b"",
) -> Call[asks.Encrypted]:
    """At most 65,536 bytes. `context` is authenticated, not secret; decrypting needs the same.

    Keys of other algorithms than the default take `additional` in a context's place; OAEP's label
    and HPKE's info go there, too. `scheme` is for RSA.
    """
    body = given(
        plaintext=plaintext,
        context=context or None,
        scheme=scheme,
        additional=additional or None,
    )
    path = f"/v1/keys/{key_part(key)}/encrypt"
    return posting("key.encrypt", path, asks.Encrypted, body, target=key)


def encrypt_batch(key: str, items: list[asks.EncryptItem]) -> Call[asks.EncryptedBatch]:
    """At most 1,000 items. Each has its own outcome: look at `error`."""
    ask = asks.Encrypt(items=items)
    return posting(
        "key.encrypt", f"/v1/keys/{key_part(key)}/encrypt", asks.EncryptedBatch, ask, target=key
    )


def decrypt(  # noqa: PLR0913 - what a ciphertext does not say itself
    ciphertext: bytes,
    context: dict[str, str] | None = None,
    *,
    key: str = "",
    key_version: int | None = None,
    scheme: str | None = None,
    additional: bytes = b"",
) -> Call[asks.Decrypted]:
    """The ciphertext names its key. With `key`, a ciphertext of any other key is refused.

    Those of other algorithms than the default name none: they need `key`, `key_version` unless it
    is the current one, and what was `additional`. `scheme` is for RSA.
    """
    body = given(
        ciphertext=ciphertext,
        context=context or None,
        key_version=key_version,
        scheme=scheme,
        additional=additional or None,
    )
    return posting("key.decrypt", _decrypt_path(key), asks.Decrypted, body, target=key)


def decrypt_batch(items: list[asks.DecryptItem], *, key: str = "") -> Call[asks.DecryptedBatch]:
    """At most 1,000 items. Each has its own outcome: look at `error`."""
    ask = asks.Decrypt(items=items)
    return posting("key.decrypt", _decrypt_path(key), asks.DecryptedBatch, ask, target=key)


# --- identities -----------------------------------------------------------------------------------


def create_principal(
    name: str, *, roles: list[str] | None = None, description: str = ""
) -> Call[asks.PrincipalView]:
    """A new identity."""
    ask = asks.CreatePrincipal(name=name, roles=roles or [], description=description)
    return posting("principal.create", "/v1/principals", asks.PrincipalView, ask, target=name)


def list_principals(
    *, limit: int = limits.PAGE_ITEMS_DEFAULT, page_token: str = ""
) -> Call[asks.PrincipalPage]:
    """A page of identities, by name."""
    return paging("principal.list", "/v1/principals", asks.PrincipalPage, limit, page_token)


def read_principal(name: str) -> Call[asks.PrincipalView]:
    """An identity."""
    path = f"/v1/principals/{name_part(name)}"
    return getting("principal.read", path, asks.PrincipalView, target=name)


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
    path = f"/v1/principals/{name_part(name)}"
    return sending("PATCH", "principal.update", path, asks.PrincipalView, ask, target=name)


def list_roles() -> Call[asks.RoleList]:
    """The roles and what each allows."""
    return getting("role.list", "/v1/roles", asks.RoleList)


def create_token(
    principal: str, *, days: int = limits.TOKEN_DAYS_DEFAULT, description: str = ""
) -> Call[asks.TokenCreated]:
    """A new API token. The answer is the only place where it is ever shown."""
    ask = asks.CreateToken(principal=principal, days=days, description=description)
    return posting("token.create", "/v1/tokens", asks.TokenCreated, ask, target=principal)


def create_access_key(
    principal: str,
    *,
    days: int = limits.TOKEN_DAYS_DEFAULT,
    description: str = "",
    session_hours: int = 0,
) -> Call[asks.AccessKeyCreated]:
    """A new access key, to sign with. The answer is the only place where its secret is shown.

    With `session_hours`, it is a temporary one with a session token, good for so long.
    """
    ask = asks.CreateAccessKey(
        principal=principal, days=days, description=description, session=session_hours > 0,
        hours=session_hours or UNSET,
    )  # fmt: skip
    answer = asks.AccessKeyCreated
    return posting("token.create-access-key", "/v1/access-keys", answer, ask, target=principal)


def list_tokens(
    *, limit: int = limits.PAGE_ITEMS_DEFAULT, page_token: str = ""
) -> Call[asks.TokenPage]:
    """A page of tokens, without their secrets."""
    return paging("token.list", "/v1/tokens", asks.TokenPage, limit, page_token)


def revoke_token(token_id: str) -> Call[asks.Done]:
    """When this is answered, the token opens nothing any more."""
    return sending(
        "DELETE", "token.revoke", f"/v1/tokens/{id_part(token_id)}", asks.Done, target=token_id
    )


def whoami() -> Call[asks.WhoAmI]:
    """Who the token's owner is."""
    return getting("identity.read", "/v1/whoami", asks.WhoAmI)


def create_namespace(
    name: str, *, region: str | None = None, account_of: str | None = None
) -> Call[asks.NamespaceCreated]:
    """A new tenant. The answer is the only place where its administrator's token is ever shown.

    With `region` it stands for that Region of an account: its own, or `account_of`'s.
    """
    ask = given(name=name, region=region, account_of=account_of)
    return posting("namespace.create", "/v1/namespaces", asks.NamespaceCreated, ask, target=name)


def list_namespaces(
    *, limit: int = limits.PAGE_ITEMS_DEFAULT, page_token: str = ""
) -> Call[asks.NamespacePage]:
    """A page of namespaces."""
    return paging("namespace.list", "/v1/namespaces", asks.NamespacePage, limit, page_token)


def read_namespace() -> Call[asks.NamespaceSettings]:
    """The own namespace, and what holds in it."""
    return getting("namespace.read", "/v1/namespace", asks.NamespaceSettings)


def update_namespace(  # noqa: PLR0913 - what can be changed
    *,
    profile: str | None = None,
    destruction_days_min: int | None = None,
    publishes_keys: bool | None = None,
    private_sources: bool | None = None,
    otp_caller_rate: int | None = None,
    otp_source_rate: int | None = None,
) -> Call[asks.NamespaceSettings]:
    """What is given holds in the own namespace at once. None leaves what is there.

    `profile` is `standard`, `approved` (what FIPS 140-3 approves) or `legacy`. With
    `publishes_keys`, anybody may read the public halves of the signing keys. With
    `private_sources`, audit entries have a token in the place of a caller's address. One caller,
    and one source, may try `otp_caller_rate` and `otp_source_rate` OTP codes a minute; 0: any.
    """
    body = given(
        profile=profile,
        destruction_days_min=destruction_days_min,
        publishes_keys=publishes_keys,
        private_sources=private_sources,
        otp_caller_rate=otp_caller_rate,
        otp_source_rate=otp_source_rate,
    )
    path = "/v1/namespace"
    return sending("PATCH", "namespace.update", path, asks.NamespaceSettings, body)


# --- policies -------------------------------------------------------------------------------------


def list_policies() -> Call[asks.PolicyList]:
    """All policies, and the schema that they are checked against."""
    return getting("policy.list", "/v1/policies", asks.PolicyList)


def read_policy(name: str) -> Call[asks.PolicyView]:
    """A policy."""
    return getting("policy.read", f"/v1/policies/{name_part(name)}", asks.PolicyView, target=name)


def write_policy(name: str, text: str) -> Call[asks.PolicyView]:
    """The policy is this text from now on."""
    ask = asks.WritePolicy(text=text)
    path = f"/v1/policies/{name_part(name)}"
    return sending("PUT", "policy.write", path, asks.PolicyView, ask, target=name)


def delete_policy(name: str) -> Call[asks.Done]:
    """The policy counts no more."""
    return sending(
        "DELETE", "policy.delete", f"/v1/policies/{name_part(name)}", asks.Done, target=name
    )


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
    return posting("authorize.explain", "/v1/authorize/explain", asks.Explanation, ask)


def read_decision(decision_id: str) -> Call[asks.DecisionView]:
    """A decision that was made, by the id that a refusal carries."""
    path = f"/v1/decisions/{id_part(decision_id)}"
    return getting("decision.read", path, asks.DecisionView, target=decision_id)


# --- audit and state ------------------------------------------------------------------------------


def read_audit(  # noqa: PLR0913 - the conditions of a query
    *,
    since: str = "",
    until: str = "",
    principal: str = "",
    key: str = "",
    action: str = "",
    outcome: str = "",
    source: str = "",
    request: str = "",
    newest_first: bool = False,
    limit: int = limits.PAGE_ITEMS_DEFAULT,
    page_token: str = "",
) -> Call[asks.EventPage]:
    """A page of the audit log. `next_page_token` leads on even from the last, to follow the log.

    One call looks at a bounded part of the log, so a page can be short or empty and the log go on:
    the token is the last position that was looked at, `tree_size` the number of positions. `source`
    is an address, also where addresses are private, or the token of one. With `newest_first`, there
    are no more when the token is 0.
    """
    return paging(
        "audit.read",
        "/v1/audit/events",
        asks.EventPage,
        limit,
        page_token,
        since=since,
        until=until,
        principal=principal,
        key=key,
        action=action,
        outcome=outcome,
        source=source,
        request=request,
        order=asks.Order.NEWEST_FIRST if newest_first else "",
    )


def erase_details(*, identifiers: bool = False) -> Call[asks.DetailsErased]:
    """What entries of the own namespace keep beside them is gone; proofs stay valid.

    With `identifiers`, the same address has another token from now on.
    """
    ask = asks.EraseDetails(identifiers=identifiers)
    path = "/v1/audit/erase-details"
    return posting("audit.erase-details", path, asks.DetailsErased, ask)


def read_status() -> Call[asks.StatusView]:
    """The node and its rooms."""
    return getting("status.read", "/v1/status", asks.StatusView)


def _decrypt_path(key: str) -> str:
    return f"/v1/keys/{key_part(key)}/decrypt" if key else "/v1/decrypt"
