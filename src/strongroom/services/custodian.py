"""All services of a custodian, put together over its ports."""

from typing import NamedTuple

from strongroom.domain import asks, limits
from strongroom.domain.operations import Resource
from strongroom.ports.clock import Clock
from strongroom.ports.ledger import Ledger
from strongroom.ports.policy_engine import PolicyEngine
from strongroom.ports.provider import Provider
from strongroom.ports.randomness import Randomness
from strongroom.services.alerts import Alerts
from strongroom.services.aliases import Aliases
from strongroom.services.allowances import Allowances
from strongroom.services.authenticate import Authenticator
from strongroom.services.authorize import Authorizer, Visit
from strongroom.services.backups import Backups
from strongroom.services.books import Books
from strongroom.services.counted import Checkpoints
from strongroom.services.crypt import Crypt
from strongroom.services.data_keys import DataKeys
from strongroom.services.desk import Desk, Method, Watch
from strongroom.services.exchange import Exchange
from strongroom.services.facts import Facts
from strongroom.services.grants import Grants
from strongroom.services.history import History
from strongroom.services.identities import Identities
from strongroom.services.jwk_sets import JWKSets
from strongroom.services.key_policies import KeyPolicies
from strongroom.services.key_rights import KeyRights
from strongroom.services.keyring import Keyring
from strongroom.services.keys import Keys
from strongroom.services.life import KeyLife
from strongroom.services.log_tiles import LogTiles
from strongroom.services.otp.desk import otp_methods
from strongroom.services.otp.duties import Duties
from strongroom.services.otp.parts import Parts
from strongroom.services.otp.rows import Rows
from strongroom.services.otp.turns import Turns
from strongroom.services.privacy import Privacy
from strongroom.services.public import Public
from strongroom.services.published import Published
from strongroom.services.raw_crypt import RawCrypt
from strongroom.services.receipts import Receipts
from strongroom.services.replicas import Replicas
from strongroom.services.rules import Rules
from strongroom.services.settings import Settings
from strongroom.services.signing import Signing
from strongroom.services.steward import Steward
from strongroom.services.tenants import FIRST, Tenants
from strongroom.services.transfers import Transfers
from strongroom.services.usage import Usages
from strongroom.services.views import Views


class Staff(NamedTuple):
    """Who works in a custodian."""

    desk: Desk
    steward: Steward
    facts: Facts
    alerts: Alerts
    duties: Duties


def assemble(  # noqa: PLR0913 - the ports
    *,
    ledger: Ledger,
    provider: Provider,
    engine: PolicyEngine,
    clock: Clock,
    randomness: Randomness,
    watch: Watch,
    first_namespace: bytes,
    seal: str,
    signature_seconds: int = limits.SIGNATURE_SECONDS,
    ids_given: bool = False,
    tls: bool = False,
) -> Staff:
    """The desk, with a method behind every operation, and the steward.

    `first_namespace` keeps what is nobody's. A signature is good for `signature_seconds` from its
    time on, and as long before. `ids_given`: who makes a key may say which id it has.
    `tls`: all that is asked came by TLS.
    """
    facts = Facts(ledger, provider, engine, watch)
    key_rights = KeyRights(facts, engine)
    authorizer = Authorizer(facts, key_rights, tls=tls)
    authenticator = Authenticator(facts, clock, signature_seconds=signature_seconds)
    keyring = Keyring(facts, authorizer)
    steward = Steward(facts=facts, ledger=ledger, clock=clock, randomness=randomness, meter=watch)
    books = Books(
        ledger=ledger, facts=facts, randomness=randomness, root_namespace=first_namespace,
        root_name=FIRST, overused=steward.overused,
    )  # fmt: skip
    views = Views(facts.sealing, ledger, clock)
    key_policies = KeyPolicies(
        facts=facts, authorizer=authorizer, books=books, key_rights=key_rights
    )
    grants = Grants(
        facts=facts, authorizer=authorizer, keyring=keyring, books=books, ledger=ledger,
        randomness=randomness,
    )  # fmt: skip
    life = KeyLife(facts=facts, authorizer=authorizer, keyring=keyring, books=books, views=views)
    aliases = Aliases(
        facts=facts, authorizer=authorizer, books=books, ledger=ledger, randomness=randomness
    )
    transfers = Transfers(
        facts=facts, authorizer=authorizer, keyring=keyring, books=books, ledger=ledger,
        randomness=randomness, provider=provider, views=views,
    )  # fmt: skip
    backups = Backups(
        facts=facts, authorizer=authorizer, keyring=keyring, books=books, ledger=ledger,
        provider=provider, views=views,
    )  # fmt: skip
    replicas = Replicas(
        facts=facts, authorizer=authorizer, keyring=keyring, books=books, ledger=ledger,
        randomness=randomness, views=views, key_policies=key_policies,
    )  # fmt: skip
    keys = Keys(
        facts=facts, authorizer=authorizer, keyring=keyring, books=books, ledger=ledger,
        randomness=randomness, views=views, key_policies=key_policies, replicas=replicas,
        ids_given=ids_given,
    )  # fmt: skip
    jwk_sets = JWKSets(sealing=facts.sealing, ledger=ledger, public_keys=provider.public_keys)
    published = Published(
        facts=facts, authorizer=authorizer, books=books, ledger=ledger, jwk_sets=jwk_sets
    )
    settings = Settings(facts=facts, authorizer=authorizer, books=books)
    privacy = Privacy(facts=facts, authorizer=authorizer, books=books)
    usages = Usages(authorizer=authorizer, books=books, ledger=ledger)
    raw = RawCrypt(keyring=keyring, books=books, allowances=Allowances(facts), provider=provider)
    crypt = Crypt(authorizer=authorizer, keyring=keyring, books=books, raw=raw)
    signing = Signing(authorizer=authorizer, keyring=keyring, books=books, provider=provider)
    data_keys = DataKeys(
        authorizer=authorizer, keyring=keyring, books=books, provider=provider,
        randomness=randomness, raw=raw,
    )  # fmt: skip
    exchange = Exchange(authorizer=authorizer, keyring=keyring, books=books, provider=provider)
    public = Public(
        facts=facts, authorizer=authorizer, keyring=keyring, books=books, provider=provider,
        randomness=randomness,
    )  # fmt: skip
    identities = Identities(
        facts=facts, authorizer=authorizer, books=books, ledger=ledger, randomness=randomness
    )
    tenants = Tenants(
        facts=facts, authorizer=authorizer, books=books, ledger=ledger, provider=provider,
        randomness=randomness,
    )  # fmt: skip
    rules = Rules(
        facts=facts, authorizer=authorizer, books=books, engine=engine, key_rights=key_rights
    )
    history = History(facts=facts, authorizer=authorizer, books=books, ledger=ledger)

    checkpoints = Checkpoints(facts=facts, ledger=ledger, provider=provider)
    log_tiles = LogTiles(authorizer=authorizer, books=books, ledger=ledger, checkpoints=checkpoints)
    receipts = Receipts(
        facts=facts, authorizer=authorizer, books=books, ledger=ledger, provider=provider,
        checkpoints=checkpoints,
    )  # fmt: skip

    alerts = Alerts(
        facts=facts, authorizer=authorizer, books=books, ledger=ledger, clock=clock,
        randomness=randomness,
    )  # fmt: skip

    parts = Parts(
        facts=facts, authorizer=authorizer, books=books, ledger=ledger, clock=clock,
        randomness=randomness, provider=provider, rows=Rows(provider, ledger.deployment),
        turns=Turns(),
    )  # fmt: skip

    async def status(visit: Visit, ask: asks.Nothing) -> asks.StatusView:
        del ask
        permit = authorizer.permit(visit, Resource.NAMESPACE)
        tree, checkpoints = await ledger.tree(), await ledger.checkpoints()
        await books.allowed(permit)
        return asks.StatusView(
            deployment=ledger.deployment.hex(),
            namespace=permit.namespace.name,
            seal=seal,
            epoch=ledger.epoch,
            tree_size=tree.size,
            signed_size=checkpoints.size,
            counted_size=checkpoints.counted_size,
            store="sqlite",
        )

    methods: dict[str, Method] = {
        "key.create": keys.create,
        "key.list": keys.list,
        "key.read": keys.read,
        "key.update": keys.update,
        "key.rotate": life.rotate,
        "key.enable": life.enable,
        "key.disable": life.disable,
        "key.deactivate": life.deactivate,
        "key.mark-compromised": life.mark_compromised,
        "key.schedule-destruction": life.schedule_destruction,
        "key.cancel-destruction": life.cancel_destruction,
        "key.import-parameters": transfers.parameters,
        "key.import": transfers.import_material,
        "key.delete-imported-material": transfers.delete_material,
        "key.export": transfers.export,
        "key.backup": backups.backup,
        "key.restore": backups.restore,
        "key.replicate": replicas.replicate,
        "key.read-usage": usages.read,
        "key.read-policy": key_policies.read,
        "key.write-policy": key_policies.write,
        "grant.create": grants.create,
        "grant.list": grants.list,
        "grant.list-retirable": grants.list_retirable,
        "grant.retire": grants.retire,
        "grant.revoke": grants.revoke,
        "jwks.read": published.own,
        "jwks.read-published": published.anybodys,
        "alias.write": aliases.write,
        "alias.list": aliases.list,
        "alias.delete": aliases.delete,
        "key.encrypt": crypt.encrypt,
        "key.decrypt": crypt.decrypt,
        "key.sign": signing.sign,
        "key.verify": signing.verify,
        "key.mac": signing.mac,
        "key.verify-mac": signing.verify_mac,
        "key.generate-data-key": data_keys.generate,
        "key.generate-data-key-pair": data_keys.generate_pair,
        "key.re-encrypt": data_keys.re_encrypt,
        "key.agree": exchange.agree,
        "key.encapsulate": exchange.encapsulate,
        "key.decapsulate": exchange.decapsulate,
        "key.wrap": exchange.wrap,
        "key.unwrap": exchange.unwrap,
        "key.read-public-key": public.key,
        "random.generate": public.random,
        "principal.create": identities.create_principal,
        "principal.list": identities.list_principals,
        "principal.read": identities.read_principal,
        "principal.update": identities.update_principal,
        "role.list": identities.list_roles,
        "token.create": identities.create_token,
        "token.create-access-key": identities.create_access_key,
        "token.list": identities.list_tokens,
        "token.revoke": identities.revoke_token,
        "identity.read": identities.whoami,
        "namespace.create": tenants.create,
        "namespace.list": tenants.list,
        "namespace.read": settings.read,
        "namespace.update": settings.update,
        "policy.list": rules.list,
        "policy.read": rules.read,
        "policy.write": rules.write,
        "policy.delete": rules.delete,
        "authorize.explain": rules.explain,
        "decision.read": history.decision,
        "audit.read": history.events,
        "audit.read-checkpoint": log_tiles.checkpoint,
        "audit.read-tile": log_tiles.hashes,
        "audit.read-entries": log_tiles.entries,
        "audit.read-keys": receipts.keys,
        "receipt.read": receipts.read,
        "audit.erase-details": privacy.erase,
        "alert.list": alerts.list,
        "alert.read": alerts.read,
        "alert.acknowledge": alerts.acknowledge,
        "status.read": status,
        **otp_methods(parts),
    }
    desk = Desk(
        methods=methods, authenticator=authenticator, books=books, ledger=ledger, clock=clock,
        watch=watch,
    )  # fmt: skip
    return Staff(desk, steward, facts, alerts, Duties(parts, watch))
