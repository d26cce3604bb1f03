"""The table of operations. Doors, OpenAPI, Cedar schema and the audit allow-list are read from it.

To add an operation: one row here, one method of the same name in `services/`, one route per door.
"""

from enum import StrEnum
from typing import Final

import msgspec

from strongroom.domain import alerts, asks, evidence, transfers, uses
from strongroom.domain.iam import asks as iam
from strongroom.domain.lifecycle import USE_COMPROMISED, Transition, Use
from strongroom.domain.otp import asks as otp


class Resource(StrEnum):
    """What an operation acts on: a Cedar entity type."""

    KEY = "Key"
    PRINCIPAL = "Principal"
    TOKEN = "Token"  # noqa: S105 - a type's name
    POLICY = "Policy"
    NAMESPACE = "Namespace"
    CREDENTIAL = "Credential"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `name` is also the Cedar action and the action in the audit log.

    `details` names every field that the audit entry may carry beyond the fixed ones. `use` is what
    it does to a key, if the key's state can forbid it, and `transition` what it asks of that state.
    `anonymous` needs no identity: the service says on what conditions. What is about the namespace
    as a whole has it as its `resource`, and is weighed against the caller's own.
    """

    name: str
    ask: type[asks.Ask]
    answers: tuple[type[asks.Answer], ...]
    resource: Resource
    summary: str
    details: frozenset[str] = frozenset()
    use: Use | None = None
    transition: Transition | None = None
    anonymous: bool = False


def _row(  # noqa: PLR0913 - a row of a table
    name: str,
    ask: type[asks.Ask],
    answers: type[asks.Answer] | tuple[type[asks.Answer], ...],
    resource: Resource,
    summary: str,
    *,
    details: str = "",
    use: Use | None = None,
    transition: Transition | None = None,
    anonymous: bool = False,
) -> tuple[str, Operation]:
    return name, Operation(
        name=name,
        ask=ask,
        answers=answers if isinstance(answers, tuple) else (answers,),
        resource=resource,
        summary=summary,
        details=frozenset(details.split()),
        use=use,
        transition=transition,
        anonymous=anonymous,
    )


# What nobody asks a door for: the action of an entry, and its details. Most of it is done by the
# steward when its time has come; alerts are raised by the watcher of the log.
DEEDS: Final[dict[str, frozenset[str]]] = {
    "key.activate": frozenset(),
    "key.deactivate": frozenset({"key_version"}),
    "key.rotate": frozenset(),
    "key.destroy": frozenset({"key_version", "versions"}),
    "key.expire-material": frozenset({"key_version"}),
    "key.expire-import": frozenset({"ticket"}),
    # Of credentials: what falls due, and what a job does to each.
    "otp.expire-link": frozenset(),
    "otp.end-grace": frozenset({"generation"}),
    "otp.rotate": frozenset({"generation", "grace_ends", "job", "delivery", "link_expires"}),
    "otp.suspend": frozenset({"job"}),
    "otp.resume": frozenset({"job"}),
    "otp.revoke": frozenset({"job", "generations"}),
    "otp.destroy": frozenset({"job", "generations"}),
    "otp.advance-job": frozenset({"action", "done", "job", "looked_at", "skipped"}),
    "otp.finish-job": frozenset({"action", "done", "job", "looked_at", "skipped"}),
    "alert.raise": frozenset({"alert", "evidence", "rule", "sentence", "severity", "subject"}),
    # These of the log, when a store without log keys is opened, and by `strongroom accept-restore`.
    "log.begin": frozenset({"origin"}),
    # Entries from `first` up to `end`, without it, move into files.
    "log.archive": frozenset({"days", "end", "first"}),
    "log.accept-restore": frozenset(
        {"former_origin", "former_root", "former_size", "generation", "restored_size", "rows"}
    ),
}

# Rights that are weighed beside an operation's own: a Cedar action without an operation.
READ_REASONS: Final = "otp.read-reasons"  # why a code was not right
RIGHTS: Final[dict[str, Resource]] = {
    USE_COMPROMISED: Resource.KEY,
    READ_REASONS: Resource.NAMESPACE,
}

_CREDENTIAL = Resource.CREDENTIAL
_KEY, _PRINCIPAL, _TOKEN = Resource.KEY, Resource.PRINCIPAL, Resource.TOKEN
_POLICY, _NAMESPACE = Resource.POLICY, Resource.NAMESPACE

# fmt: off
OPERATIONS: Final[dict[str, Operation]] = dict(
    [
        _row(
            "key.create", asks.CreateKey, asks.KeyView, _KEY, "Make a key",
            details="algorithm purpose origin multi_region",
        ),
        _row(
            "key.list", asks.ListKeys, asks.KeyPage, _NAMESPACE, "List the keys", details="count",
        ),
        _row(
            "key.read", asks.ReadKey, asks.KeyView, _KEY, "Describe a key and its versions",
            details="right",
        ),
        _row(
            "key.update", asks.UpdateKey, asks.KeyView, _KEY,
            "Change a key's labels, dates, rotation and limits",
            details="changed primary_region", use=Use.CHANGE,
        ),
        _row(
            "key.rotate", asks.Rotate, asks.KeyView, _KEY,
            "Make a new version; old ones go on decrypting", use=Use.ROTATE,
        ),
        _row(
            "key.enable", asks.OfVersion, asks.KeyView, _KEY,
            "Let a disabled key be used again", details="state key_version",
            transition=Transition.ENABLE,
        ),
        _row(
            "key.disable", asks.OfVersion, asks.KeyView, _KEY,
            "Stop every use of a key, at once and everywhere", details="state key_version",
            transition=Transition.DISABLE,
        ),
        _row(
            "key.deactivate", asks.OfVersion, asks.KeyView, _KEY,
            "End a key's active life: it only decrypts and verifies from now on",
            details="state key_version", transition=Transition.DEACTIVATE,
        ),
        _row(
            "key.mark-compromised", asks.OfVersion, asks.KeyView, _KEY,
            "Say that a key is known to others; who decrypts with it needs a right of its own",
            details="state key_version", transition=Transition.MARK_COMPROMISED,
        ),
        _row(
            "key.schedule-destruction", asks.ScheduleDestruction, asks.KeyView, _KEY,
            "Stop a key now and erase its material after some days",
            details="state key_version days", transition=Transition.SCHEDULE_DESTRUCTION,
        ),
        _row(
            "key.cancel-destruction", asks.OfVersion, asks.KeyView, _KEY,
            "Keep a key that was to be destroyed", details="state key_version",
            transition=Transition.CANCEL_DESTRUCTION,
        ),
        _row(
            "key.import-parameters", transfers.ImportParameters, transfers.ImportParametersView,
            _KEY, "Get a wrapping key and a token for one import",
            details="ticket wrapping_key expires", use=Use.IMPORT,
        ),
        _row(
            "key.import", transfers.ImportMaterial, transfers.ImportedKey, _KEY,
            "Bring a key's material in", details="ticket wrapping expires again waits state",
            use=Use.IMPORT,
        ),
        _row(
            "key.delete-imported-material", asks.OfVersion, asks.KeyView, _KEY,
            "Erase imported material; the same can be imported again", details="key_version",
            use=Use.CHANGE,
        ),
        _row(
            "key.export", transfers.ExportMaterial, transfers.Exported, _KEY,
            "Take an exportable key's material out, wrapped for a public key",
            details="wrapping recipient", use=Use.EXPORT,
        ),
        _row(
            "key.backup", asks.Nothing, transfers.Backup, _KEY,
            "Take a whole key out as an opaque blob", details="versions digest", use=Use.EXPORT,
        ),
        _row(
            "key.restore", transfers.RestoreKey, asks.KeyView, _KEY,
            "Bring a backup's key back where there is none", details="versions digest",
        ),
        _row(
            "key.replicate", asks.ReplicateKey, asks.KeyView, _KEY,
            "Make a replica of a multi-Region key in another Region", details="region replica",
            use=Use.REPLICATE,
        ),
        _row(
            "key.read-usage", transfers.ReadUsage, transfers.UsageView, _KEY,
            "Say who used which version and when, and what is safe to retire", details="days",
        ),
        _row(
            "key.read-policy", asks.Nothing, iam.KeyPolicyView, _KEY,
            "Read the policy that is kept with a key", details="right",
        ),
        _row(
            "key.write-policy", iam.WriteKeyPolicy, iam.KeyPolicyView, _KEY,
            "Say who may do what with a key, in the words of AWS's key policies",
            details="policy bypass",
        ),
        _row(
            "grant.create", iam.CreateGrant, iam.GrantView, _KEY,
            "Grant a principal operations with a key", details="grant grantee operations",
            use=Use.ROTATE,
        ),
        _row(
            "grant.list", iam.ListGrants, iam.GrantPage, _KEY, "List a key's grants",
            details="count",
        ),
        _row(
            "grant.list-retirable", iam.ListRetirableGrants, iam.GrantPage, _NAMESPACE,
            "List the grants that a principal may retire", details="count",
        ),
        _row(
            "grant.retire", iam.OfGrant, asks.Done, _KEY,
            "End a grant, by whom it names for that", details="grant",
        ),
        _row("grant.revoke", iam.OfGrant, asks.Done, _KEY, "End a grant", details="grant"),
        _row(
            "alias.write", transfers.WriteAlias, transfers.AliasView, _KEY,
            "Make an alias, or move it to another key", details="alias former",
        ),
        _row(
            "alias.list", transfers.ListAliases, transfers.AliasPage, _NAMESPACE,
            "List the aliases", details="count",
        ),
        _row("alias.delete", asks.Nothing, asks.Done, _KEY, "Delete an alias", details="alias"),
        _row(
            "jwks.read", asks.Nothing, transfers.JWKSet, _NAMESPACE,
            "Read the public halves of the signing keys, as a JWK set", details="count",
        ),
        _row(
            "jwks.read-published", asks.Nothing, transfers.JWKSet, _NAMESPACE,
            "Read a namespace's JWK set, if it is published", details="count", anonymous=True,
        ),
        _row(
            "key.encrypt", asks.Encrypt, (asks.Encrypted, asks.EncryptedBatch), _KEY, "Encrypt",
            details="count failed contexts scheme", use=Use.PROTECT,
        ),
        _row(
            "key.decrypt", asks.Decrypt, (asks.Decrypted, asks.DecryptedBatch), _KEY, "Decrypt",
            details="count failed contexts uses scheme", use=Use.PROCESS,
        ),
        _row(
            "key.sign",
            uses.Sign,
            (uses.Signed, uses.SignedBatch),
            _KEY,
            "Sign messages or digests",
            details="scheme count failed",
            use=Use.PROTECT,
        ),
        _row(
            "key.verify",
            uses.Verify,
            (uses.Verified, uses.VerifiedBatch),
            _KEY,
            "Verify signatures",
            details="scheme valid count failed",
            use=Use.PROCESS,
        ),
        _row(
            "key.mac",
            uses.MAC,
            (uses.MACMade, uses.MACBatch),
            _KEY,
            "Make MACs",
            details="count failed",
            use=Use.PROTECT,
        ),
        _row(
            "key.verify-mac",
            uses.VerifyMAC,
            (uses.Verified, uses.VerifiedBatch),
            _KEY,
            "Verify MACs",
            details="valid count failed",
            use=Use.PROCESS,
        ),
        _row(
            "key.generate-data-key",
            uses.GenerateDataKey,
            uses.DataKey,
            _KEY,
            "Make a data key, with its ciphertext",
            details="bytes contexts",
            use=Use.PROTECT,
        ),
        _row(
            "key.generate-data-key-pair",
            uses.GenerateDataKeyPair,
            uses.DataKeyPair,
            _KEY,
            "Make a data key pair, with the private key's ciphertext",
            details="algorithm contexts",
            use=Use.PROTECT,
        ),
        _row(
            "key.re-encrypt",
            uses.ReEncrypt,
            (uses.ReEncrypted, uses.ReEncryptedBatch),
            _KEY,
            "Encrypt ciphertexts anew, under this key; needed for both keys",
            details="source source_version contexts count failed uses scheme source_scheme",
            use=Use.PROTECT,
        ),
        _row(
            "key.agree", uses.Agree, uses.SharedSecret, _KEY, "Agree on a secret",
            use=Use.PROCESS,
        ),
        _row(
            "key.encapsulate",
            uses.Encapsulate,
            uses.Encapsulation,
            _KEY,
            "Encapsulate a secret for this key",
            details="scheme",
            use=Use.PROTECT,
        ),
        _row(
            "key.decapsulate",
            uses.Decapsulate,
            uses.SharedSecret,
            _KEY,
            "Open an encapsulated secret",
            details="scheme",
            use=Use.PROCESS,
        ),
        _row(
            "key.wrap",
            uses.WrapKey,
            uses.Wrapped,
            _KEY,
            "Wrap key material of the caller's",
            details="scheme",
            use=Use.PROTECT,
        ),
        _row(
            "key.unwrap",
            uses.UnwrapKey,
            uses.Unwrapped,
            _KEY,
            "Unwrap key material",
            details="scheme",
            use=Use.PROCESS,
        ),
        _row(
            "key.read-public-key",
            uses.ReadPublicKey,
            uses.PublicKey,
            _KEY,
            "Read a key's public half",
        ),
        _row(
            "random.generate",
            uses.GenerateRandom,
            uses.Randomness,
            _NAMESPACE,
            "Random bytes",
            details="bytes",
        ),
        _row(
            "principal.create", asks.CreatePrincipal, asks.PrincipalView, _PRINCIPAL,
            "Make an identity", details="roles",
        ),
        _row(
            "principal.list", asks.Page, asks.PrincipalPage, _NAMESPACE, "List the identities",
            details="count",
        ),
        _row(
            "principal.read", asks.Nothing, asks.PrincipalView, _PRINCIPAL, "Describe an identity",
        ),
        _row(
            "principal.update", asks.UpdatePrincipal, asks.PrincipalView, _PRINCIPAL,
            "Change roles, description, or disable", details="changed roles disabled",
        ),
        _row(
            "role.list", asks.Nothing, asks.RoleList, _NAMESPACE,
            "List the roles and what each allows",
        ),
        _row(
            "token.create", asks.CreateToken, asks.TokenCreated, _PRINCIPAL,
            "Make an API token; it is shown once", details="token expires",
        ),
        _row(
            "token.create-access-key", asks.CreateAccessKey, asks.AccessKeyCreated, _PRINCIPAL,
            "Make an access key, for clients that sign; its secret is shown once",
            details="token expires",
        ),
        _row(
            "token.list", asks.Page, asks.TokenPage, _NAMESPACE, "List the tokens", details="count",
        ),
        _row(
            "token.revoke", asks.Nothing, asks.Done, _TOKEN,
            "Revoke a token, at once and everywhere", details="token",
        ),
        _row("identity.read", asks.Nothing, asks.WhoAmI, _NAMESPACE, "Say who I am"),
        _row(
            "namespace.create", asks.CreateNamespace, asks.NamespaceCreated, _NAMESPACE,
            "Make a namespace and its administrator", details="created token region account_of",
        ),
        _row(
            "namespace.list", asks.Page, asks.NamespacePage, _NAMESPACE, "List the namespaces",
            details="count",
        ),
        _row(
            "namespace.read", asks.Nothing, asks.NamespaceSettings, _NAMESPACE,
            "Describe the own namespace",
        ),
        _row(
            "namespace.update", asks.UpdateNamespace, asks.NamespaceSettings, _NAMESPACE,
            "Change what holds in the own namespace",
            details="changed profile destruction_days_min publishes_keys private_sources"
            " otp_caller_rate otp_source_rate",
        ),
        _row(
            "policy.list", asks.Nothing, asks.PolicyList, _NAMESPACE, "List the policies",
            details="count",
        ),
        _row("policy.read", asks.Nothing, asks.PolicyView, _POLICY, "Read a policy"),
        _row(
            "policy.write", asks.WritePolicy, asks.PolicyView, _POLICY, "Write a policy",
            details="digest",
        ),
        _row("policy.delete", asks.Nothing, asks.Done, _POLICY, "Delete a policy"),
        _row(
            "authorize.explain", asks.Explain, asks.Explanation, _NAMESPACE,
            "Say which policy would decide, or what is missing",
            details="principal asked key allowed",
        ),
        _row(
            "decision.read", asks.Nothing, asks.DecisionView, _NAMESPACE,
            "Look a decision up by its id", details="decision",
        ),
        _row(
            "audit.read", asks.AuditQuery, asks.EventPage, _NAMESPACE, "Read the audit log",
            details="count",
        ),
        _row(
            "audit.read-checkpoint", asks.Nothing, evidence.Checkpoint, _NAMESPACE,
            "Read the log's newest signed checkpoint", details="size",
        ),
        _row(
            "audit.read-tile", evidence.ReadTile, evidence.Tile, _NAMESPACE,
            "Read hashes of the log's tree", details="tile",
        ),
        _row(
            "audit.read-entries", evidence.ReadEntries, evidence.Tile, _NAMESPACE,
            "Read entries of all namespaces, byte for byte; from the first namespace only",
            details="tile",
        ),
        _row(
            "audit.read-keys", asks.Nothing, evidence.LogKeysView, _NAMESPACE,
            "Read the log's public keys",
        ),
        _row(
            "receipt.read", asks.Nothing, evidence.Receipt, _NAMESPACE,
            "Take the proof that a request is in the log; of others' requests, who may read it",
            details="receipt position",
        ),
        _row(
            "audit.erase-details", asks.EraseDetails, asks.DetailsErased, _NAMESPACE,
            "Erase what entries keep beside them; every proof stays valid",
            details="details_generation identifiers_generation",
        ),
        _row(
            "alert.list", alerts.ListAlerts, alerts.AlertPage, _NAMESPACE,
            "List what the watcher found in the log, newest first", details="count",
        ),
        _row(
            "alert.read", asks.Nothing, alerts.AlertView, _NAMESPACE,
            "Read an alert and what it rests on", details="alert",
        ),
        _row(
            "alert.acknowledge", alerts.AcknowledgeAlert, alerts.AlertView, _NAMESPACE,
            "Say that you have looked at an alert, and what came of it", details="alert",
        ),
        _row(
            "otp.enrol", otp.Enrol, otp.Enrolled, _CREDENTIAL,
            "Make a credential for a user, and a way to hand it over once",
            details="type algorithm profile delivery link_expires",
        ),
        _row(
            "otp.list", otp.ListCredentials, otp.CredentialPage, _NAMESPACE,
            "List credentials: a user's, or those that match a filter", details="count",
        ),
        _row("otp.read", asks.Nothing, otp.CredentialView, _CREDENTIAL, "Describe a credential"),
        _row(
            "otp.verify", otp.VerifyCode, (otp.Verdict, otp.Verdicts), _CREDENTIAL,
            "Say whether a code is right, and use it up",
            details="result reason generation count items challenge",
        ),
        _row(
            "otp.verify-user", otp.VerifyUser, otp.UserVerdict, _NAMESPACE,
            "Say whether a code is right for any of a user's credentials",
            details="result reason generation credential items challenge",
        ),
        _row(
            "otp.activate", otp.Attempt, otp.Activated, _CREDENTIAL,
            "Take the first right code as the proof that the user has the secret",
            details="result reason generation challenge",
        ),
        _row(
            "otp.resync", otp.Resync, otp.Resynced, _CREDENTIAL,
            "Find a device's counter or clock again, by two codes in a row",
            details="result reason generation",
        ),
        _row(
            "otp.challenge", otp.AskChallenge, otp.ChallengeView, _CREDENTIAL,
            "Ask a question that a device answers (OCRA), bound to a transaction",
            details="challenge transaction",
        ),
        _row(
            "otp.compute", otp.Compute, otp.Computed, _CREDENTIAL,
            "Show a code; no role has this", details="generation challenge",
        ),
        _row(
            "otp.rotate", otp.Handover, otp.Enrolled, _CREDENTIAL,
            "Make a new secret; the old one works until the new one does, or its grace ends",
            details="generation grace_ends delivery link_expires",
        ),
        _row(
            "otp.link", otp.Handover, otp.Enrolled, _CREDENTIAL,
            "Hand the newest secret over; if it was handed over before, a new one takes its place",
            details="generation delivery link_expires renewed",
        ),
        _row(
            "otp.fetch", otp.FetchLink, otp.Provisioned, _CREDENTIAL,
            "Take a secret from its link, once; who has the link needs nothing else",
            details="generation", anonymous=True,
        ),
        _row(
            "otp.suspend", asks.Nothing, otp.CredentialView, _CREDENTIAL,
            "Stop a credential until it is resumed, at once and everywhere",
        ),
        _row("otp.resume", asks.Nothing, otp.CredentialView, _CREDENTIAL,
             "Let a suspended credential be used again"),
        _row("otp.unlock", asks.Nothing, otp.CredentialView, _CREDENTIAL,
             "Forget the failures of a credential, and its lock"),
        _row(
            "otp.revoke", asks.Nothing, otp.Ended, _CREDENTIAL,
            "Stop a credential for good", details="generations",
        ),
        _row(
            "otp.destroy", asks.Nothing, otp.Ended, _CREDENTIAL,
            "Erase a credential's secret; a record of it remains", details="generations",
        ),
        _row(
            "otp.import", otp.ImportCredentials, otp.ImportedCredentials, _NAMESPACE,
            "Bring secrets in that were made elsewhere",
            details="count created failed profile items",
        ),
        _row(
            "otp.export", otp.ExportCredentials, otp.ExportedCredentials, _NAMESPACE,
            "Take secrets out, each sealed to a public key", details="count recipient items",
        ),
        _row(
            "otp.list-profiles", asks.Nothing, otp.OTPProfileList, _NAMESPACE,
            "List the OTP profiles", details="count",
        ),
        _row(
            "otp.write-profile", otp.WriteProfile, otp.OTPProfileView, _NAMESPACE,
            "Write an OTP profile: defaults and floors for credentials", details="profile digest",
        ),
        _row(
            "otp.delete-profile", asks.Nothing, asks.Done, _NAMESPACE,
            "Delete an OTP profile; its credentials go on by the default one", details="profile",
        ),
        _row(
            "otp.create-job", otp.CreateJob, otp.JobView, _NAMESPACE,
            "Suspend, resume, rotate, revoke or destroy all credentials that a filter finds",
            details="job action filter per_second",
        ),
        _row("otp.list-jobs", otp.ListJobs, otp.JobPage, _NAMESPACE, "List the jobs",
             details="count"),
        _row("otp.read-job", asks.Nothing, otp.JobView, _NAMESPACE, "Say how far a job has come",
             details="job"),
        _row(
            "otp.update-job", otp.UpdateJob, otp.JobView, _NAMESPACE,
            "Pause a job, let it go on, end it, or change its pace", details="job state per_second",
        ),
        _row(
            "status.read", asks.Nothing, asks.StatusView, _NAMESPACE,
            "Describe the node, its rooms and their hardening",
        ),
    ]
)
# fmt: on
