"""The native REST door's routes, as data: method, path, operation, status of success."""

from typing import Final

import msgspec

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
OCTETS: Final = "application/octet-stream"
HTML: Final = "text/html; charset=utf-8"
YEAR: Final = 365 * 24 * 60 * 60


class Route(msgspec.Struct, frozen=True):
    """One row. `{name}` or `{id}` in the path is the call's target; `status` is that of success.

    Caches may keep the answer for `fresh_seconds`. `{tile}` is the rest of the path, slashes and
    all, as C2SP tlog-tiles has it: the ask is in it, and there is no target. So it is with a
    link's `{token}`.
    """

    method: str
    path: str
    operation: str
    status: int = 200
    media_type: str = JSON
    fresh_seconds: int = 0

    @property
    def is_of_links(self) -> bool:
        """Whether its path ends with a link's token, which is in the ask and never a target."""
        return self.path.endswith("/{token}")

    @property
    def is_of_tiles(self) -> bool:
        """Whether its path ends with a tile's."""
        return self.path.endswith("/{tile}")


ROUTES: Final[tuple[Route, ...]] = (
    Route("POST", "/v1/keys", "key.create", 201),
    Route("GET", "/v1/keys", "key.list"),
    Route("GET", "/v1/keys/{name}", "key.read"),
    Route("PATCH", "/v1/keys/{name}", "key.update"),
    Route("POST", "/v1/keys/{name}/encrypt", "key.encrypt"),
    Route("POST", "/v1/keys/{name}/decrypt", "key.decrypt"),
    Route("POST", "/v1/decrypt", "key.decrypt"),
    Route("POST", "/v1/keys/{name}/sign", "key.sign"),
    Route("POST", "/v1/keys/{name}/verify", "key.verify"),
    Route("POST", "/v1/keys/{name}/mac", "key.mac"),
    Route("POST", "/v1/keys/{name}/verify-mac", "key.verify-mac"),
    Route("POST", "/v1/keys/{name}/generate-data-key", "key.generate-data-key"),
    Route("POST", "/v1/keys/{name}/generate-data-key-pair", "key.generate-data-key-pair"),
    Route("POST", "/v1/keys/{name}/re-encrypt", "key.re-encrypt"),
    Route("POST", "/v1/keys/{name}/agree", "key.agree"),
    Route("POST", "/v1/keys/{name}/encapsulate", "key.encapsulate"),
    Route("POST", "/v1/keys/{name}/decapsulate", "key.decapsulate"),
    Route("POST", "/v1/keys/{name}/wrap", "key.wrap"),
    Route("POST", "/v1/keys/{name}/unwrap", "key.unwrap"),
    Route("GET", "/v1/keys/{name}/public-key", "key.read-public-key"),
    Route("POST", "/v1/random", "random.generate"),
    Route("POST", "/v1/keys/{name}/rotate", "key.rotate"),
    Route("POST", "/v1/keys/{name}/enable", "key.enable"),
    Route("POST", "/v1/keys/{name}/disable", "key.disable"),
    Route("POST", "/v1/keys/{name}/deactivate", "key.deactivate"),
    Route("POST", "/v1/keys/{name}/mark-compromised", "key.mark-compromised"),
    Route("POST", "/v1/keys/{name}/schedule-destruction", "key.schedule-destruction"),
    Route("POST", "/v1/keys/{name}/cancel-destruction", "key.cancel-destruction"),
    Route("POST", "/v1/keys/{name}/import-parameters", "key.import-parameters"),
    Route("POST", "/v1/keys/{name}/import", "key.import"),
    Route("POST", "/v1/keys/{name}/delete-imported-material", "key.delete-imported-material"),
    Route("POST", "/v1/keys/{name}/export", "key.export"),
    Route("POST", "/v1/keys/{name}/backup", "key.backup"),
    Route("POST", "/v1/restore", "key.restore", 201),
    Route("POST", "/v1/keys/{name}/replicate", "key.replicate", 201),
    Route("GET", "/v1/keys/{name}/usage", "key.read-usage"),
    Route("GET", "/v1/keys/{name}/policy", "key.read-policy"),
    Route("PUT", "/v1/keys/{name}/policy", "key.write-policy"),
    Route("POST", "/v1/keys/{name}/grants", "grant.create", 201),
    Route("GET", "/v1/keys/{name}/grants", "grant.list"),
    Route("GET", "/v1/grants", "grant.list-retirable"),
    Route("POST", "/v1/keys/{name}/retire-grant", "grant.retire", 204),
    Route("POST", "/v1/keys/{name}/revoke-grant", "grant.revoke", 204),
    Route("PUT", "/v1/aliases/{name}", "alias.write"),
    Route("GET", "/v1/aliases", "alias.list"),
    Route("DELETE", "/v1/aliases/{name}", "alias.delete", 204),
    Route("GET", "/v1/jwks", "jwks.read"),
    # Five minutes: a key that is stopped is out of every verifier's hands soon, and a new one in.
    Route(
        "GET",
        "/v1/namespaces/{name}/jwks.json",
        "jwks.read-published",
        media_type="application/jwk-set+json",  # RFC 7517, 8.5.2
        fresh_seconds=300,
    ),
    Route("POST", "/v1/principals", "principal.create", 201),
    Route("GET", "/v1/principals", "principal.list"),
    Route("GET", "/v1/principals/{name}", "principal.read"),
    Route("PATCH", "/v1/principals/{name}", "principal.update"),
    Route("GET", "/v1/roles", "role.list"),
    Route("POST", "/v1/tokens", "token.create", 201),
    Route("POST", "/v1/access-keys", "token.create-access-key", 201),
    Route("GET", "/v1/tokens", "token.list"),
    Route("DELETE", "/v1/tokens/{id}", "token.revoke", 204),
    Route("GET", "/v1/whoami", "identity.read"),
    Route("POST", "/v1/namespaces", "namespace.create", 201),
    Route("GET", "/v1/namespaces", "namespace.list"),
    Route("GET", "/v1/namespace", "namespace.read"),
    Route("PATCH", "/v1/namespace", "namespace.update"),
    Route("GET", "/v1/policies", "policy.list"),
    Route("GET", "/v1/policies/{name}", "policy.read"),
    Route("PUT", "/v1/policies/{name}", "policy.write"),
    Route("DELETE", "/v1/policies/{name}", "policy.delete", 204),
    Route("POST", "/v1/authorize/explain", "authorize.explain"),
    Route("GET", "/v1/decisions/{id}", "decision.read"),
    Route("GET", "/v1/audit/events", "audit.read"),
    Route("GET", "/v1/audit/keys", "audit.read-keys"),
    Route("GET", "/v1/audit/receipts/{id}", "receipt.read", media_type=TEXT),
    Route("GET", "/audit/checkpoint", "audit.read-checkpoint", media_type=TEXT),
    Route("GET", "/audit/tile/{tile}", "audit.read-tile", media_type=OCTETS, fresh_seconds=YEAR),
    Route("GET", "/audit/tile/entries/{tile}", "audit.read-entries", media_type=OCTETS),
    Route("POST", "/v1/audit/erase-details", "audit.erase-details"),
    Route("GET", "/v1/alerts", "alert.list"),
    Route("GET", "/v1/alerts/{id}", "alert.read"),
    Route("POST", "/v1/alerts/{id}/acknowledge", "alert.acknowledge"),
    Route("POST", "/v1/otp", "otp.enrol", 201),
    Route("GET", "/v1/otp", "otp.list"),
    Route("POST", "/v1/otp/verify", "otp.verify"),
    Route("POST", "/v1/otp/verify-user", "otp.verify-user"),
    Route("POST", "/v1/otp/import", "otp.import"),
    Route("POST", "/v1/otp/export", "otp.export"),
    Route("GET", "/v1/otp/{id}", "otp.read"),
    Route("DELETE", "/v1/otp/{id}", "otp.destroy"),
    Route("POST", "/v1/otp/{id}/verify", "otp.verify"),
    Route("POST", "/v1/otp/{id}/activate", "otp.activate"),
    Route("POST", "/v1/otp/{id}/resync", "otp.resync"),
    Route("POST", "/v1/otp/{id}/challenge", "otp.challenge"),
    Route("POST", "/v1/otp/{id}/compute", "otp.compute"),
    Route("POST", "/v1/otp/{id}/rotate", "otp.rotate"),
    Route("POST", "/v1/otp/{id}/link", "otp.link"),
    Route("POST", "/v1/otp/{id}/suspend", "otp.suspend"),
    Route("POST", "/v1/otp/{id}/resume", "otp.resume"),
    Route("POST", "/v1/otp/{id}/unlock", "otp.unlock"),
    Route("POST", "/v1/otp/{id}/revoke", "otp.revoke"),
    Route("GET", "/enrol/{token}", "otp.fetch"),
    Route("GET", "/v1/otp-profiles", "otp.list-profiles"),
    Route("PUT", "/v1/otp-profiles/{name}", "otp.write-profile"),
    Route("DELETE", "/v1/otp-profiles/{name}", "otp.delete-profile", 204),
    Route("POST", "/v1/otp-jobs", "otp.create-job", 201),
    Route("GET", "/v1/otp-jobs", "otp.list-jobs"),
    Route("GET", "/v1/otp-jobs/{id}", "otp.read-job"),
    Route("PATCH", "/v1/otp-jobs/{id}", "otp.update-job"),
    Route("GET", "/v1/status", "status.read"),
)
