"""The roles, as Cedar text, and which of them one principal may not hold together.

Duties are separate: who makes keys does not use them, who writes policies does not use keys,
who audits only reads. `docs/operate/roles.md` is written from this table.
"""

import itertools
from typing import Final

import msgspec

from strongroom.domain.lifecycle import USE_COMPROMISED


class Role(msgspec.Struct, frozen=True):
    """A role and the actions it grants in its namespace."""

    name: str
    summary: str
    actions: tuple[str, ...]

    @property
    def policy(self) -> str:
        """The role as the Cedar policy that the engine weighs."""
        return (
            f'@id("role:{self.name}")\n'
            f'permit (principal in Role::"{self.name}", action in [{_listed(self.actions)}],'
            " resource);"
        )


def _listed(actions: tuple[str, ...]) -> str:
    return ", ".join(f'Action::"{action}"' for action in actions)


_MANAGE_KEYS = (
    "key.create", "key.list", "key.read", "key.update", "key.rotate", "key.enable", "key.disable",
    "key.deactivate", "key.mark-compromised", "key.schedule-destruction", "key.cancel-destruction",
    "key.import-parameters", "key.import", "key.delete-imported-material",
    "key.backup", "key.restore", "key.replicate", "key.read-usage", "key.read-public-key",
    "key.read-policy", "grant.list", "grant.list-retirable", "grant.revoke", "grant.retire",
    "alias.write", "alias.list", "alias.delete", "jwks.read", "namespace.read",
)  # fmt: skip

_USE_KEYS = (
    "key.encrypt", "key.decrypt", "key.sign", "key.verify", "key.mac", "key.verify-mac",
    "key.generate-data-key", "key.generate-data-key-pair", "key.re-encrypt", "key.agree",
    "key.encapsulate", "key.decapsulate", "key.wrap", "key.unwrap",
)  # fmt: skip

ROLES: Final[dict[str, Role]] = {
    role.name: role
    for role in (
        Role(
            "administrator",
            "runs the namespace: keys, identities, tokens, policies; uses no key",
            (
                *_MANAGE_KEYS,
                "principal.create", "principal.list", "principal.read", "principal.update",
                "role.list", "token.create", "token.create-access-key", "token.list",
                "token.revoke",
                "policy.list", "policy.read", "policy.write", "policy.delete",
                "key.write-policy", "grant.create",
                "authorize.explain", "decision.read", "audit.read", "audit.read-checkpoint",
                "audit.read-tile", "audit.erase-details", "alert.list", "alert.read",
                "status.read", "namespace.create", "namespace.list", "namespace.update",
            ),
        ),
        Role("key-manager", "makes, rotates, disables keys; uses none", _MANAGE_KEYS),
        Role("key-user", "uses every key; manages none",
             (*_USE_KEYS, "key.read", "key.read-public-key", "alias.list", "jwks.read",
              "random.generate")),
        Role("key-recoverer", "decrypts and verifies with keys that are marked compromised",
             ("key.decrypt", "key.verify", "key.verify-mac", "key.unwrap", "key.decapsulate",
              "key.re-encrypt", "key.read", USE_COMPROMISED)),
        Role("key-exporter", "takes exportable keys out; makes and uses none",
             ("key.export", "key.read", "key.list")),
        Role("policy-writer", "writes policies and asks what they mean",
             ("policy.list", "policy.read", "policy.write", "policy.delete",
              "key.list", "key.read-policy", "key.write-policy", "grant.create", "grant.list",
              "grant.list-retirable", "grant.revoke", "grant.retire",
              "authorize.explain", "decision.read", "role.list")),
        Role("auditor",
             "reads the audit log and policies, acknowledges alerts; changes nothing else",
             ("audit.read", "audit.read-checkpoint", "audit.read-tile", "audit.read-entries",
              "alert.list", "alert.read", "alert.acknowledge",
              "decision.read", "policy.list", "policy.read", "role.list",
              "key.list", "key.read", "key.read-usage", "key.read-public-key",
              "key.read-policy", "grant.list", "grant.list-retirable",
              "alias.list", "jwks.read", "namespace.read",
              "principal.list", "principal.read", "token.list",
              "otp.read", "otp.list", "otp.list-profiles", "otp.list-jobs", "otp.read-job",
              "authorize.explain", "status.read")),
        Role("otp-enroller",
             "enrols users, hands secrets over and takes the first code; verifies none",
             ("otp.enrol", "otp.link", "otp.activate", "otp.challenge", "otp.rotate", "otp.read",
              "otp.list", "otp.list-profiles")),
        Role("otp-verifier", "verifies codes, and nothing else: the authentication service",
             ("otp.verify", "otp.verify-user", "otp.challenge")),
        Role("otp-helpdesk",
             "suspends, resumes, unlocks and resynchronises; sees no secret, enrols nobody",
             ("otp.read", "otp.list", "otp.suspend", "otp.resume", "otp.unlock", "otp.resync")),
        Role("otp-officer",
             "sets profiles; suspends, rotates, revokes and destroys, whole populations too",
             ("otp.read", "otp.list", "otp.suspend", "otp.resume", "otp.revoke", "otp.destroy",
              "otp.list-profiles", "otp.write-profile", "otp.delete-profile",
              "otp.create-job", "otp.list-jobs", "otp.read-job", "otp.update-job",
              "namespace.read")),
        Role("otp-migrator", "brings OTP secrets in and takes them out; verifies none",
             ("otp.import", "otp.export", "otp.read", "otp.list", "otp.list-profiles")),
        Role("operator", "watches the node", ("status.read",)),
    )
}  # fmt: skip

# Everybody who proved an identity may ask who they are, and prove what they did: take the receipts
# of their own requests (the service sees to that), and the keys that verify these.
EVERYBODYS_ACTIONS: Final = ("identity.read", "receipt.read", "audit.read-keys")
EVERYBODY: Final = (
    f'@id("everybody")\npermit (principal, action in [{_listed(EVERYBODYS_ACTIONS)}], resource);'
)

# Pairs that no principal is given together by this API. (A policy text can still grant the actions:
# who writes it answers for it, and the audit log has it.)
_OTP_DUTIES: Final = (
    "otp-enroller", "otp-verifier", "otp-helpdesk", "otp-officer", "otp-migrator"
)  # fmt: skip

CONFLICTS: Final[tuple[tuple[str, str], ...]] = (
    ("administrator", "key-user"),
    ("key-manager", "key-user"),
    ("policy-writer", "key-user"),
    ("auditor", "administrator"),
    ("auditor", "key-manager"),
    ("auditor", "policy-writer"),
    ("auditor", "key-user"),
    ("administrator", "key-recoverer"),
    ("key-manager", "key-recoverer"),
    ("policy-writer", "key-recoverer"),
    ("auditor", "key-recoverer"),
    ("administrator", "key-exporter"),
    ("key-manager", "key-exporter"),
    ("policy-writer", "key-exporter"),
    ("auditor", "key-exporter"),
    ("key-user", "key-exporter"),
    *itertools.combinations(_OTP_DUTIES, 2),
    *((duty, other) for duty in _OTP_DUTIES for other in ("administrator", "auditor")),
    *(("policy-writer", duty) for duty in _OTP_DUTIES),
)


def conflict(roles: list[str]) -> tuple[str, str] | None:
    """The first pair of these roles that must not be held together, if any."""
    held = set(roles)
    return next((pair for pair in CONFLICTS if held.issuperset(pair)), None)
