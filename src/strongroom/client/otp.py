"""Calls about one-time passwords: `strongroom.otp.verify(...)` of a client.

A credential is named by its id, `otp-` and 26 characters. A code that is not right is an answer,
and no exception: an answer that says no is false. Why it was not right is told to few.
"""

from msgspec import UNSET

from strongroom.client.call import (
    AnswerT,
    Call,
    getting,
    given,
    id_part,
    name_part,
    paging,
    posting,
    sending,
)
from strongroom.domain import asks, limits
from strongroom.domain.otp import asks as otp

_LINK = otp.Delivery.LINK.value
_X25519 = otp.SealingKey.X25519.value
_DEFAULT = "default"


# --- a credential's beginning ---------------------------------------------------------------------


def enrol(  # noqa: PLR0913 - what a credential is made of
    user: str,
    *,
    profile: str = _DEFAULT,
    type: str | None = None,  # noqa: A002 - as the field is called everywhere else
    algorithm: str | None = None,
    digits: int | None = None,
    period: int | None = None,
    suite: str | None = None,
    serial: str = "",
    delivery: str = _LINK,
    account: str = "",
    issuer: str = "",
    device_key: bytes = b"",
    device_algorithm: str = _X25519,
) -> Call[otp.Enrolled]:
    """A new credential for a user, and a link that shows its secret once: to them, not to you.

    What is not given is as the profile says; weaker than it is refused. `account` and `issuer` are
    shown in the user's app. `delivery` is `link`, `later`, or `sealed`: to a `device_key` (HPKE).
    The credential is active once `activate` has seen a right code.
    """
    body = given(
        user=user,
        profile=None if profile == _DEFAULT else profile,
        type=type,
        algorithm=algorithm,
        digits=digits,
        period=period,
        suite=suite,
        serial=serial or None,
        **_handover(delivery, account, issuer, device_key, device_algorithm),
    )
    return posting("otp.enrol", "/v1/otp", otp.Enrolled, body)


def link(  # noqa: PLR0913 - how a secret is handed over
    credential: str,
    *,
    delivery: str = _LINK,
    account: str = "",
    issuer: str = "",
    device_key: bytes = b"",
    device_algorithm: str = _X25519,
) -> Call[otp.Enrolled]:
    """Another link for the newest secret; the one of before opens nothing any more.

    If the secret was shown before, a new one takes its place. What has been in use is rotated.
    """
    body = _handover(delivery, account, issuer, device_key, device_algorithm)
    return _act("link", credential, otp.Enrolled, body or None)


def fetch(token: str) -> Call[otp.Provisioned]:
    """The secret behind a link, this once. For programs that set devices up; needs no right."""
    return getting("otp.fetch", f"/enrol/{id_part(token)}", otp.Provisioned)


def activate(  # noqa: PLR0913 - what a response is made of
    credential: str,
    code: str,
    *,
    challenge: int | None = None,
    transaction: dict[str, str] | None = None,
    session: bytes = b"",
    pin: bytes = b"",
) -> Call[otp.Activated]:
    """The user's first code. If it is right, the user has the secret, and it can be used."""
    body = _attempt(code, challenge, transaction, session, pin)
    return _act("activate", credential, otp.Activated, body)


# --- use ------------------------------------------------------------------------------------------


def verify(  # noqa: PLR0913 - what a response is made of
    credential: str,
    code: str,
    *,
    challenge: int | None = None,
    transaction: dict[str, str] | None = None,
    session: bytes = b"",
    pin: bytes = b"",
) -> Call[otp.Verdict]:
    """Whether the code is right. It is used up then: the same one is never right again.

    With `challenge` it is the answer to that one, bound to the same `transaction` (OCRA).
    """
    body = _attempt(code, challenge, transaction, session, pin)
    return _act("verify", credential, otp.Verdict, body)


def verify_many(items: list[otp.AttemptItem]) -> Call[otp.Verdicts]:
    """At most 1,000 codes, of any credentials. Each has its own outcome: look at `valid`."""
    return posting("otp.verify", "/v1/otp/verify", otp.Verdicts, given(items=items))


def verify_user(  # noqa: PLR0913 - what a response is made of
    user: str,
    code: str,
    *,
    challenge: int | None = None,
    transaction: dict[str, str] | None = None,
    session: bytes = b"",
    pin: bytes = b"",
) -> Call[otp.UserVerdict]:
    """Whether the code is right for any of the user's active credentials; `id` says for which."""
    body = given(user=user, **_attempt(code, challenge, transaction, session, pin))
    return posting("otp.verify-user", "/v1/otp/verify-user", otp.UserVerdict, body)


def challenge(
    credential: str, *, transaction: dict[str, str] | None = None
) -> Call[otp.ChallengeView]:
    """A question for the device (OCRA), for a `transaction`: what, to whom, how much.

    Its answer is good once, for the same transaction alone, until it expires.
    """
    return _act("challenge", credential, otp.ChallengeView, given(transaction=transaction or None))


def resync(credential: str, first: str, second: str) -> Call[otp.Resynced]:
    """Find a device again that counted on, or whose clock runs wrong: by two codes in a row."""
    return _act("resync", credential, otp.Resynced, given(first=first, second=second))


def compute(
    credential: str, *, challenge: int | None = None, session: bytes = b"", pin: bytes = b""
) -> Call[otp.Computed]:
    """The code of now. No role allows it: a policy must."""
    body = given(challenge=challenge, session=session or None, pin=pin or None)
    return _act("compute", credential, otp.Computed, body or None)


# --- a credential's life --------------------------------------------------------------------------


def list_credentials(  # noqa: PLR0913 - the conditions of a query
    *,
    user: str = "",
    state: str = "",
    type: str = "",  # noqa: A002 - as the parameter is called
    profile: str = "",
    serial: str = "",
    reminder: str = "",
    locked: bool | None = None,
    imported: bool | None = None,
    created_before: str = "",
    created_after: str = "",
    limit: int = limits.PAGE_ITEMS_DEFAULT,
    page_token: str = "",
) -> Call[otp.CredentialPage]:
    """A page of the credentials that match all that is given, by id.

    `reminder`: `rotation-due`, `not-fetched`, `not-proved` or `locked`. One call looks at a bounded
    number of them, so a page can be short or empty and still lead on.
    """
    return paging(
        "otp.list",
        "/v1/otp",
        otp.CredentialPage,
        limit,
        page_token,
        user=user,
        state=state,
        type=type,
        profile=profile,
        serial=serial,
        reminder=reminder,
        locked=_yes_or_no(locked),
        imported=_yes_or_no(imported),
        created_before=created_before,
        created_after=created_after,
    )


def read(credential: str) -> Call[otp.CredentialView]:
    """A credential, without its secret."""
    return getting("otp.read", _path(credential), otp.CredentialView, target=credential)


def rotate(  # noqa: PLR0913 - how a secret is handed over
    credential: str,
    *,
    delivery: str = _LINK,
    account: str = "",
    issuer: str = "",
    device_key: bytes = b"",
    device_algorithm: str = _X25519,
) -> Call[otp.Enrolled]:
    """A new secret. The old one works until a code of the new one is right, or its grace ends."""
    body = _handover(delivery, account, issuer, device_key, device_algorithm)
    return _act("rotate", credential, otp.Enrolled, body or None)


def suspend(credential: str) -> Call[otp.CredentialView]:
    """When this is answered, no code of it is right any more, until it is resumed."""
    return _act("suspend", credential, otp.CredentialView)


def resume(credential: str) -> Call[otp.CredentialView]:
    """It can be used again. A lock stays: see `unlock`."""
    return _act("resume", credential, otp.CredentialView)


def unlock(credential: str) -> Call[otp.CredentialView]:
    """Its failures, its delay and its lock are forgotten."""
    return _act("unlock", credential, otp.CredentialView)


def revoke(credential: str) -> Call[otp.Ended]:
    """No code of it is right again, ever. `receipt` is the request to take the receipt of."""
    return _act("revoke", credential, otp.Ended)


def destroy(credential: str) -> Call[otp.Ended]:
    """Its secret is erased; what and when stays on record. There is no way back.

    `receipt` is the request to take the receipt of, `position` its place in the audit log.
    """
    path = _path(credential)
    return sending("DELETE", "otp.destroy", path, otp.Ended, target=credential)


# --- in and out -----------------------------------------------------------------------------------


def import_credentials(
    items: list[otp.ImportItem], *, profile: str = _DEFAULT
) -> Call[otp.ImportedCredentials]:
    """At most 1,000 secrets that were made elsewhere. Each has its own outcome: look at `error`.

    The same again changes nothing: an import that broke off can be repeated as a whole.
    """
    body = given(items=items, profile=None if profile == _DEFAULT else profile)
    return posting("otp.import", "/v1/otp/import", otp.ImportedCredentials, body)


def export_credentials(
    public_key: bytes,
    *,
    algorithm: str = _X25519,
    matching: otp.Filter | None = None,
    limit: int = limits.PAGE_ITEMS_DEFAULT,
    page_token: str = "",
) -> Call[otp.ExportedCredentials]:
    """A page of secrets, each sealed to your public key (HPKE)."""
    body = given(
        public_key=public_key,
        algorithm=None if algorithm == _X25519 else algorithm,
        limit=None if limit == limits.PAGE_ITEMS_DEFAULT else limit,
        page_token=page_token or None,
        **_fields(matching),
    )
    return posting("otp.export", "/v1/otp/export", otp.ExportedCredentials, body)


# --- profiles -------------------------------------------------------------------------------------


def list_profiles() -> Call[otp.OTPProfileList]:
    """The OTP profiles of the namespace, by name."""
    return getting("otp.list-profiles", "/v1/otp-profiles", otp.OTPProfileList)


def write_profile(name: str, profile: otp.WriteProfile) -> Call[otp.OTPProfileView]:
    """The profile is this from now on, as a whole: what is not given is as by default."""
    path, answer = f"/v1/otp-profiles/{name_part(name)}", otp.OTPProfileView
    return sending("PUT", "otp.write-profile", path, answer, profile, target=name)


def delete_profile(name: str) -> Call[asks.Done]:
    """The profile is gone. Its credentials go on by the default one."""
    path = f"/v1/otp-profiles/{name_part(name)}"
    return sending("DELETE", "otp.delete-profile", path, asks.Done, target=name)


# --- jobs -----------------------------------------------------------------------------------------


def create_job(
    action: str,
    matching: otp.Filter | None = None,
    *,
    all: bool = False,  # noqa: A002 - as the field is called
    per_second: int = 0,
    description: str = "",
) -> Call[otp.JobView]:
    """`suspend`, `resume`, `rotate`, `revoke` or `destroy` every credential that matches.

    At most `per_second` of them; 0: as fast as it goes. Every one that there is: `all=True`.
    """
    body = given(
        action=action,
        filter=_fields(matching) or None,
        all=all or None,
        per_second=per_second or None,
        description=description or None,
    )
    return posting("otp.create-job", "/v1/otp-jobs", otp.JobView, body)


def list_jobs(*, limit: int = limits.PAGE_ITEMS_DEFAULT, page_token: str = "") -> Call[otp.JobPage]:
    """A page of jobs, the oldest first."""
    return paging("otp.list-jobs", "/v1/otp-jobs", otp.JobPage, limit, page_token)


def read_job(job: str) -> Call[otp.JobView]:
    """How far a job has come."""
    path = f"/v1/otp-jobs/{id_part(job)}"
    return getting("otp.read-job", path, otp.JobView, target=job)


def update_job(
    job: str, *, state: str | None = None, per_second: int | None = None
) -> Call[otp.JobView]:
    """Have it `paused`, `running` again or `cancelled`, or change its pace."""
    body = given(state=state, per_second=per_second)
    path = f"/v1/otp-jobs/{id_part(job)}"
    return sending("PATCH", "otp.update-job", path, otp.JobView, body, target=job)


# --------------------------------------------------------------------------------------------------


def _act(
    act: str, credential: str, answer: type[AnswerT], body: dict[str, object] | None = None
) -> Call[AnswerT]:
    return posting(f"otp.{act}", f"{_path(credential)}/{act}", answer, body, target=credential)


def _path(credential: str) -> str:
    return f"/v1/otp/{id_part(credential)}"


def _handover(
    delivery: str, account: str, issuer: str, device_key: bytes, device_algorithm: str
) -> dict[str, object]:
    """How a secret gets to its user."""
    return given(
        delivery=None if delivery == _LINK else delivery,
        account=account or None,
        issuer=issuer or None,
        device_key=device_key or None,
        device_algorithm=None if device_algorithm == _X25519 else device_algorithm,
    )


def _attempt(
    code: str,
    challenge: int | None,
    transaction: dict[str, str] | None,
    session: bytes,
    pin: bytes,
) -> dict[str, object]:
    """A code, and what it answers."""
    return given(
        code=code,
        challenge=challenge,
        transaction=transaction or None,
        session=session or None,
        pin=pin or None,
    )


def _fields(matching: otp.Filter | None) -> dict[str, object]:
    """What a filter says, and nothing of what it leaves open."""
    if matching is None:
        return {}
    said = {name: getattr(matching, name) for name in matching.__struct_fields__}
    return {name: value for name, value in said.items() if value is not UNSET and value != ""}


def _yes_or_no(value: bool | None) -> str:  # noqa: FBT001 - a word for it
    return "" if value is None else str(value).lower()
