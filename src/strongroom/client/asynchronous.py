"""The client for programs on an event loop. The same as `Client`, with `await`."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, Self

import httpx

from strongroom.client import alerts, calls, evidence, keys, otp, proofs, rights, transfers, uses
from strongroom.client.call import AnswerT, Call
from strongroom.client.exchange import (
    TIMEOUT_SECONDS,
    Reply,
    arguments,
    options,
    reply,
    unreachable,
)
from strongroom.client.problems import ClientError
from strongroom.client.proofs import NoReceiptError, Proven

P = ParamSpec("P")


class _Sends(Protocol):
    async def send(self, call: Call[AnswerT]) -> AnswerT: ...


def _method(
    build: Callable[P, Call[AnswerT]],
) -> Callable[Concatenate[_Sends, P], Coroutine[Any, Any, AnswerT]]:
    """The method that builds this call and sends it: same arguments, same documentation."""

    @wraps(build)
    async def method(self: _Sends, /, *args: P.args, **kwargs: P.kwargs) -> AnswerT:
        return await self.send(build(*args, **kwargs))

    return method


class OTP:
    """One-time passwords: the methods of `AsyncClient.otp`."""

    def __init__(self, client: _Sends) -> None:
        self._client = client

    async def send(self, call: Call[AnswerT]) -> AnswerT:
        """Send a call; the answer."""
        return await self._client.send(call)

    enrol = _method(otp.enrol)
    link = _method(otp.link)
    fetch = _method(otp.fetch)
    activate = _method(otp.activate)
    verify = _method(otp.verify)
    verify_many = _method(otp.verify_many)
    verify_user = _method(otp.verify_user)
    challenge = _method(otp.challenge)
    resync = _method(otp.resync)
    compute = _method(otp.compute)
    list_credentials = _method(otp.list_credentials)
    read = _method(otp.read)
    rotate = _method(otp.rotate)
    suspend = _method(otp.suspend)
    resume = _method(otp.resume)
    unlock = _method(otp.unlock)
    revoke = _method(otp.revoke)
    destroy = _method(otp.destroy)
    import_credentials = _method(otp.import_credentials)
    export_credentials = _method(otp.export_credentials)
    list_profiles = _method(otp.list_profiles)
    write_profile = _method(otp.write_profile)
    delete_profile = _method(otp.delete_profile)
    create_job = _method(otp.create_job)
    list_jobs = _method(otp.list_jobs)
    read_job = _method(otp.read_job)
    update_job = _method(otp.update_job)


class AsyncClient:
    """A connection to one server as one principal. For one event loop.

    Every method raises `ProblemError` when the server refuses, `UnreachableError` when it does not
    answer, and `ValueError` for a name that cannot be one.
    """

    def __init__(  # noqa: PLR0913 - what a connection is made of
        self,
        url: str,
        token: str,
        *,
        ca_file: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        unsafe_cleartext: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url
        self._http = httpx.AsyncClient(
            **options(url, token, ca_file, timeout_seconds, unsafe_cleartext=unsafe_cleartext),
            transport=transport,
        )
        self.otp = OTP(self)

    async def send(self, call: Call[AnswerT]) -> AnswerT:
        """Send a call; the answer."""
        return (await self.exchange(call)).answer

    async def exchange(self, call: Call[AnswerT]) -> Reply[AnswerT]:
        """Send a call; the answer with the request's id."""
        try:
            response = await self._http.request(**arguments(call))
        except httpx.RequestError as error:
            raise unreachable(self._url, error) from error
        return reply(call, response)

    async def with_receipt(self, call: Call[AnswerT]) -> Proven[AnswerT]:
        """Send a call; the answer with the receipt of its request, which takes a second or two.

        Raises `NoReceiptError` when the call was answered and no receipt is to be had. It has the
        answer, and the request's id, for which `read_receipt` can be tried again.
        """
        reply = await self.exchange(call)
        wanted = evidence.read_receipt(reply.request_id)
        waits = proofs.waits()
        while True:
            try:
                return proofs.proven(reply, await self.send(wanted))
            except ClientError as error:
                wait = next(waits, None)
                if wait is None or not proofs.is_not_yet(error):
                    raise NoReceiptError(reply, error) from error
            await asyncio.sleep(wait)

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self._url!r})"

    create_key = _method(keys.create_key)
    list_keys = _method(keys.list_keys)
    read_key = _method(keys.read_key)
    update_key = _method(keys.update_key)
    replicate_key = _method(keys.replicate_key)
    rotate_key = _method(keys.rotate_key)
    enable_key = _method(keys.enable_key)
    disable_key = _method(keys.disable_key)
    deactivate_key = _method(keys.deactivate_key)
    mark_key_compromised = _method(keys.mark_key_compromised)
    schedule_key_destruction = _method(keys.schedule_key_destruction)
    cancel_key_destruction = _method(keys.cancel_key_destruction)
    import_parameters = _method(transfers.import_parameters)
    import_material = _method(transfers.import_material)
    delete_imported_material = _method(transfers.delete_imported_material)
    export_material = _method(transfers.export_material)
    backup_key = _method(transfers.backup_key)
    restore_key = _method(transfers.restore_key)
    read_usage = _method(transfers.read_usage)
    read_key_policy = _method(rights.read_key_policy)
    write_key_policy = _method(rights.write_key_policy)
    create_grant = _method(rights.create_grant)
    list_grants = _method(rights.list_grants)
    list_retirable_grants = _method(rights.list_retirable_grants)
    retire_grant = _method(rights.retire_grant)
    revoke_grant = _method(rights.revoke_grant)
    write_alias = _method(transfers.write_alias)
    list_aliases = _method(transfers.list_aliases)
    delete_alias = _method(transfers.delete_alias)
    read_jwks = _method(transfers.read_jwks)
    read_published_jwks = _method(transfers.read_published_jwks)
    encrypt = _method(calls.encrypt)
    encrypt_batch = _method(calls.encrypt_batch)
    decrypt = _method(calls.decrypt)
    decrypt_batch = _method(calls.decrypt_batch)
    sign = _method(uses.sign)
    sign_batch = _method(uses.sign_batch)
    verify = _method(uses.verify)
    verify_batch = _method(uses.verify_batch)
    mac = _method(uses.mac)
    mac_batch = _method(uses.mac_batch)
    verify_mac = _method(uses.verify_mac)
    verify_mac_batch = _method(uses.verify_mac_batch)
    generate_data_key = _method(uses.generate_data_key)
    generate_data_key_pair = _method(uses.generate_data_key_pair)
    re_encrypt = _method(uses.re_encrypt)
    re_encrypt_batch = _method(uses.re_encrypt_batch)
    agree = _method(uses.agree)
    encapsulate = _method(uses.encapsulate)
    decapsulate = _method(uses.decapsulate)
    wrap = _method(uses.wrap)
    unwrap = _method(uses.unwrap)
    read_public_key = _method(uses.read_public_key)
    generate_random = _method(uses.generate_random)
    create_principal = _method(calls.create_principal)
    list_principals = _method(calls.list_principals)
    read_principal = _method(calls.read_principal)
    update_principal = _method(calls.update_principal)
    list_roles = _method(calls.list_roles)
    create_token = _method(calls.create_token)
    create_access_key = _method(calls.create_access_key)
    list_tokens = _method(calls.list_tokens)
    revoke_token = _method(calls.revoke_token)
    whoami = _method(calls.whoami)
    create_namespace = _method(calls.create_namespace)
    list_namespaces = _method(calls.list_namespaces)
    read_namespace = _method(calls.read_namespace)
    update_namespace = _method(calls.update_namespace)
    list_policies = _method(calls.list_policies)
    read_policy = _method(calls.read_policy)
    write_policy = _method(calls.write_policy)
    delete_policy = _method(calls.delete_policy)
    explain = _method(calls.explain)
    read_decision = _method(calls.read_decision)
    read_audit = _method(calls.read_audit)
    erase_details = _method(calls.erase_details)
    read_receipt = _method(evidence.read_receipt)
    read_log_keys = _method(evidence.read_log_keys)
    read_checkpoint = _method(evidence.read_checkpoint)
    read_tile = _method(evidence.read_tile)
    list_alerts = _method(alerts.list_alerts)
    read_alert = _method(alerts.read_alert)
    acknowledge_alert = _method(alerts.acknowledge_alert)
    read_status = _method(calls.read_status)
