"""The way back in when no administrator's token works, or a policy forbids everything to everybody.

It is for whoever can open the seal and the store while nothing runs, and is on record.
"""

from strongroom.domain.records import Kind
from strongroom.domain.things import Namespace, Policies
from strongroom.ports.provider import Provider
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Commit, Kept, Store, Write
from strongroom.services.books import change, creation
from strongroom.services.entries import deed
from strongroom.services.founding import FOUNDER, own_request
from strongroom.services.sealing import Sealing
from strongroom.services.tenants import FIRST, found_principal


class CannotRecover(Exception):  # noqa: N818 - it says what is the case
    """The store is not as it should be. The text is for people."""


def recover(
    store: Store,
    provider: Provider,
    randomness: Randomness,
    *,
    now_us: int,
    without_policies: bool,
) -> tuple[str, str]:
    """Make a new administrator of the first namespace; its name and its token.

    `without_policies` also takes away all policies of that namespace. Raises `TamperedRecord`, and
    `CannotRecover` when there is nothing to recover.
    """
    sealing = Sealing(provider, store.deployment)
    namespace = store.find(Kind.NAMESPACE, b"", FIRST)
    if namespace is None:
        raise CannotRecover(f"the store has no namespace {FIRST!r}")
    sealing.open(namespace, Namespace, expected=(Kind.NAMESPACE, namespace.id))
    request = own_request(randomness, now_us)
    name = f"recovery-{request[:12]}"
    principal, token, text = found_principal(
        sealing, randomness, namespace.id, name, ["administrator"], request=request, now_us=now_us
    )

    def commit(action: str, about: str, details: dict[str, str | int | list[str]],
               writes: tuple[Write, ...]) -> Commit:  # fmt: skip
        entry = deed(
            action, details, about=about, principal=FOUNDER, namespace=FIRST,
            namespace_id=namespace.id, request=request, now_us=now_us, writes=writes,
        )  # fmt: skip
        return Commit(store.epoch, (), entry, writes)

    commits = [
        commit(
            "principal.create", f"principal/{name}", {"roles": ["administrator"]},
            (creation(principal), creation(token)),
        )
    ]  # fmt: skip
    if without_policies:
        commits.append(
            commit(
                "policy.delete",
                "policy/",
                {},
                (_no_policies(store, sealing, namespace.id, request),),
            )
        )
    if not all(isinstance(outcome, Kept) for outcome in store.commit(commits)):
        raise CannotRecover("the store did not take the change")
    return name, text


def _no_policies(store: Store, sealing: Sealing, namespace_id: bytes, request: str) -> Write:
    records = store.family(Kind.POLICIES, namespace_id, 1)
    if not records:
        raise CannotRecover("the store has no policies' record")
    (record,) = records
    sealing.open(record, Policies, expected=(Kind.POLICIES, namespace_id))
    empty = sealing.seal(
        Kind.POLICIES, namespace_id, Policies({}, {}), namespace=namespace_id,
        revision=record.revision + 1, request=request,
    )  # fmt: skip
    return change(empty)
