"""An example of each route: what the documents show, and what a test sends to a real desk."""

from typing import Any, Final

import msgspec

from strongroom.doors.rest.routes import Route


class Example(msgspec.Struct, frozen=True):
    """A request. `target` stands for `{name}`, `{id}` or `{tile}`; `query` is as it is written.

    `items` are those of a batch, where the route takes one.
    """

    target: str = ""
    query: str = ""
    body: dict[str, Any] | None = None
    items: list[dict[str, Any]] | None = None

    def address(self, route: Route) -> str:
        """Path and query."""
        path = route.path
        for name in ("{name}", "{id}", "{tile}", "{token}"):
            path = path.replace(name, self.target)
        return f"{path}?{self.query}" if self.query else path


_CONTEXT: Final = {"tenant": "acme"}
_POLICY: Final = (
    'permit (principal == Principal::"billing", action == Action::"key.encrypt", resource);'
)
# A ciphertext cannot be made up: the page says where it comes from, and the test puts one in.
CIPHERTEXT: Final = "BASE64_OF_A_CIPHERTEXT"
SIGNATURE: Final = "BASE64/OF/A/SIGNATURE+++"
TAG: Final = "BASE64/OF/A/TAG+"
ENCAPSULATED: Final = "BASE64/OF/AN/ENCAPSULATION++"
WRAPPED: Final = "BASE64/OF/A/WRAPPED/KEY+"
IMPORT_TOKEN: Final = "00112233445566778899aabbccddeeff"  # noqa: S105 - likewise made before
GRANT_ID: Final = "ab" * 32
MATERIAL: Final = "BASE64/OF/WRAPPED/MATERIAL++"
PUBLIC_KEY: Final = "BASE64/OF/AN/RSA/PUBLIC/KEY+"
BACKUP: Final = "BASE64/OF/A/BACKUP++"
# Bob's public key of RFC 7748, 6.1.
X25519_KEY: Final = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="
X25519_SPKI: Final = "MCowBQYDK2VuAyEA3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="
# Ids and links that an enrolment answers with; the test puts true ones in.
CREDENTIAL: Final = "otp-abcdefghijklmnopqrstuvwxya"
HARDWARE: Final = "otp-bcdefghijklmnopqrstuvwxyza"
JOB: Final = "019f2d1c7a3e5b0c9d8e7f6a5b4c3d2f"
LINK: Final = "otl_" + "A" * 86
TOKEN_ID: Final = "abcdefghijklmnop"  # noqa: S105 - the id of a token opens nothing
DECISION_ID: Final = "019f2d1c7a3e5b0c9d8e7f6a5b4c3d2e"

EXAMPLES: Final[dict[tuple[str, str], Example]] = {
    ("POST", "/v1/keys"): Example(
        body={
            "name": "cards",
            "labels": {"team": "billing"},
            "description": "card numbers",
            "rotation_days": 30,
            "control": {"rate_uses": 1000, "rate_seconds": 60, "required_context": ["order"]},
        }
    ),
    ("GET", "/v1/keys"): Example(query="state=active&label=team%3Dbilling&limit=10"),
    ("GET", "/v1/keys/{name}"): Example("alias:current"),
    ("PATCH", "/v1/keys/{name}"): Example(
        "demo", body={"labels": {"team": "payments"}, "deletion_protection": True}
    ),
    ("POST", "/v1/keys/{name}/encrypt"): Example(
        "demo",
        body={"plaintext": "aGVsbG8=", "context": _CONTEXT},
        items=[{"plaintext": "aGVsbG8=", "context": _CONTEXT}, {"plaintext": ""}],
    ),
    ("POST", "/v1/keys/{name}/decrypt"): Example(
        "demo",
        body={"ciphertext": CIPHERTEXT, "context": _CONTEXT},
        items=[{"ciphertext": CIPHERTEXT, "context": _CONTEXT}],
    ),
    ("POST", "/v1/decrypt"): Example(
        body={"ciphertext": CIPHERTEXT, "context": _CONTEXT},
        items=[{"ciphertext": CIPHERTEXT, "context": _CONTEXT}],
    ),
    ("POST", "/v1/keys/{name}/sign"): Example(
        "signer", body={"message": "aGVsbG8="}, items=[{"message": "aGVsbG8="}, {"message": ""}]
    ),
    ("POST", "/v1/keys/{name}/verify"): Example(
        "signer",
        body={"message": "aGVsbG8=", "signature": SIGNATURE},
        items=[{"message": "aGVsbG8=", "signature": SIGNATURE}],
    ),
    ("POST", "/v1/keys/{name}/mac"): Example(
        "mac", body={"message": "aGVsbG8="}, items=[{"message": "aGVsbG8="}, {"message": ""}]
    ),
    ("POST", "/v1/keys/{name}/verify-mac"): Example(
        "mac", body={"message": "aGVsbG8=", "tag": TAG}, items=[{"message": "aGVsbG8=", "tag": TAG}]
    ),
    ("POST", "/v1/keys/{name}/generate-data-key"): Example("demo", body={"bytes": 32}),
    ("POST", "/v1/keys/{name}/generate-data-key-pair"): Example(
        "demo", body={"algorithm": "ec-p256", "with_plaintext": False}
    ),
    ("POST", "/v1/keys/{name}/re-encrypt"): Example(
        "demo",
        body={"ciphertext": CIPHERTEXT, "context": _CONTEXT, "new_context": {}},
        items=[{"ciphertext": CIPHERTEXT, "context": _CONTEXT, "new_context": {}}],
    ),
    ("POST", "/v1/keys/{name}/agree"): Example("agreement", body={"public_key": X25519_KEY}),
    ("POST", "/v1/keys/{name}/encapsulate"): Example("kem", body={}),
    ("POST", "/v1/keys/{name}/decapsulate"): Example("kem", body={"ciphertext": ENCAPSULATED}),
    ("POST", "/v1/keys/{name}/wrap"): Example("wrapper", body={"material": X25519_KEY}),
    ("POST", "/v1/keys/{name}/unwrap"): Example("wrapper", body={"wrapped": WRAPPED}),
    ("GET", "/v1/keys/{name}/public-key"): Example("signer"),
    ("POST", "/v1/random"): Example(body={"bytes": 32}),
    ("POST", "/v1/keys/{name}/rotate"): Example("demo", body={}),
    ("POST", "/v1/keys/{name}/enable"): Example("demo", body={}),
    ("POST", "/v1/keys/{name}/disable"): Example("demo", body={}),
    ("POST", "/v1/keys/{name}/deactivate"): Example("demo", body={}),
    ("POST", "/v1/keys/{name}/mark-compromised"): Example("demo", body={"key_version": 1}),
    ("POST", "/v1/keys/{name}/schedule-destruction"): Example("demo", body={"days": 30}),
    ("POST", "/v1/keys/{name}/cancel-destruction"): Example("demo", body={}),
    ("POST", "/v1/keys/{name}/import-parameters"): Example(
        "brought", body={"wrapping_key": "rsa-2048"}
    ),
    ("POST", "/v1/keys/{name}/import"): Example(
        "brought",
        body={
            "import_token": IMPORT_TOKEN,
            "wrapped_material": MATERIAL,
            "wrapping": "rsa-aes-kwp-sha256",
        },
    ),
    ("POST", "/v1/keys/{name}/delete-imported-material"): Example(
        "brought", body={"key_version": 1}
    ),
    ("POST", "/v1/keys/{name}/export"): Example("portable", body={"public_key": PUBLIC_KEY}),
    ("POST", "/v1/keys/{name}/backup"): Example("demo"),
    ("POST", "/v1/keys/{name}/replicate"): Example("demo", body={"region": "us-east-1"}),
    ("POST", "/v1/restore"): Example(body={"backup": BACKUP}),
    ("GET", "/v1/keys/{name}/usage"): Example("demo", query="days=30"),
    ("GET", "/v1/keys/{name}/policy"): Example("demo"),
    ("PUT", "/v1/keys/{name}/policy"): Example("demo", body={"policy": ""}),
    ("POST", "/v1/keys/{name}/grants"): Example(
        "demo", body={"grantee": "billing", "operations": ["Decrypt", "DescribeKey"]}
    ),
    ("GET", "/v1/keys/{name}/grants"): Example("demo", query="limit=10"),
    ("GET", "/v1/grants"): Example(query="retiring=billing"),
    ("POST", "/v1/keys/{name}/retire-grant"): Example("demo", body={"grant": GRANT_ID}),
    ("POST", "/v1/keys/{name}/revoke-grant"): Example("demo", body={"grant": GRANT_ID}),
    ("PUT", "/v1/aliases/{name}"): Example("current", body={"key": "demo"}),
    ("GET", "/v1/aliases"): Example(query="limit=10"),
    ("DELETE", "/v1/aliases/{name}"): Example("current"),
    ("GET", "/v1/jwks"): Example(),
    ("GET", "/v1/namespaces/{name}/jwks.json"): Example("default"),
    ("POST", "/v1/principals"): Example(body={"name": "billing", "roles": ["key-user"]}),
    ("GET", "/v1/principals"): Example(query="limit=10"),
    ("GET", "/v1/principals/{name}"): Example("billing"),
    ("PATCH", "/v1/principals/{name}"): Example("billing", body={"disabled": True}),
    ("GET", "/v1/roles"): Example(),
    ("POST", "/v1/access-keys"): Example(body={"principal": "billing", "days": 30}),
    ("POST", "/v1/tokens"): Example(body={"principal": "billing", "days": 30}),
    ("GET", "/v1/tokens"): Example(query="limit=10"),
    ("DELETE", "/v1/tokens/{id}"): Example(TOKEN_ID),
    ("GET", "/v1/whoami"): Example(),
    ("POST", "/v1/namespaces"): Example(body={"name": "acme", "region": "eu-central-1"}),
    ("GET", "/v1/namespaces"): Example(query="limit=10"),
    ("GET", "/v1/namespace"): Example(),
    ("PATCH", "/v1/namespace"): Example(
        body={"destruction_days_min": 14, "publishes_keys": True, "private_sources": True}
    ),
    ("GET", "/v1/policies"): Example(),
    ("GET", "/v1/policies/{name}"): Example("billing"),
    ("PUT", "/v1/policies/{name}"): Example("billing", body={"text": _POLICY}),
    ("DELETE", "/v1/policies/{name}"): Example("billing"),
    ("POST", "/v1/authorize/explain"): Example(
        body={"principal": "billing", "action": "key.encrypt", "key": "demo"}
    ),
    ("GET", "/v1/decisions/{id}"): Example(DECISION_ID),
    ("GET", "/v1/audit/events"): Example(query="since=2026-01-31T12:00:00Z&outcome=refused"),
    ("GET", "/v1/audit/keys"): Example(),
    ("GET", "/v1/audit/receipts/{id}"): Example(DECISION_ID),
    ("GET", "/audit/checkpoint"): Example(),
    ("GET", "/audit/tile/{tile}"): Example("0/x001/234"),
    ("GET", "/audit/tile/entries/{tile}"): Example("x001/234.p/17"),
    ("POST", "/v1/audit/erase-details"): Example(body={"identifiers": True}),
    ("GET", "/v1/alerts"): Example(query="state=open&severity=high"),
    ("GET", "/v1/alerts/{id}"): Example(DECISION_ID),
    ("POST", "/v1/alerts/{id}/acknowledge"): Example(
        DECISION_ID, body={"note": "a new colleague, announced by her team"}
    ),
    ("POST", "/v1/otp"): Example(
        body={"user": "customer-4711", "issuer": "Example Bank", "account": "alice@example.com"}
    ),
    ("GET", "/v1/otp"): Example(query="user=customer-4711&state=active&locked=false"),
    ("GET", "/v1/otp/{id}"): Example(CREDENTIAL),
    ("DELETE", "/v1/otp/{id}"): Example(CREDENTIAL),
    ("POST", "/v1/otp/{id}/verify"): Example(CREDENTIAL, body={"code": "492039"}),
    ("POST", "/v1/otp/verify"): Example(body={"items": [{"id": CREDENTIAL, "code": "492039"}]}),
    ("POST", "/v1/otp/verify-user"): Example(body={"user": "customer-4711", "code": "492039"}),
    ("POST", "/v1/otp/{id}/activate"): Example(CREDENTIAL, body={"code": "492039"}),
    ("POST", "/v1/otp/{id}/resync"): Example(
        CREDENTIAL, body={"first": "492039", "second": "113250"}
    ),
    ("POST", "/v1/otp/{id}/challenge"): Example(
        HARDWARE, body={"transaction": {"amount": "120.00 EUR", "payee": "DE02120300000000202051"}}
    ),
    ("POST", "/v1/otp/{id}/compute"): Example(CREDENTIAL, body={}),
    ("POST", "/v1/otp/{id}/rotate"): Example(CREDENTIAL, body={"issuer": "Example Bank"}),
    ("POST", "/v1/otp/{id}/link"): Example(CREDENTIAL, body={"account": "alice@example.com"}),
    ("POST", "/v1/otp/{id}/suspend"): Example(CREDENTIAL),
    ("POST", "/v1/otp/{id}/resume"): Example(CREDENTIAL),
    ("POST", "/v1/otp/{id}/unlock"): Example(CREDENTIAL),
    ("POST", "/v1/otp/{id}/revoke"): Example(CREDENTIAL),
    ("POST", "/v1/otp/import"): Example(
        body={
            "items": [
                {
                    "secret": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=",
                    "user": "customer-4711",
                    "type": "hotp",
                    "counter": 7,
                    "serial": "A1234567",
                }
            ]
        }
    ),
    ("POST", "/v1/otp/export"): Example(body={"public_key": X25519_SPKI, "type": "hotp"}),
    ("GET", "/v1/otp-profiles"): Example(),
    ("PUT", "/v1/otp-profiles/{name}"): Example(
        "cards", body={"digits": 8, "algorithm": "SHA256", "rotation_days": 730}
    ),
    ("DELETE", "/v1/otp-profiles/{name}"): Example("cards"),
    ("POST", "/v1/otp-jobs"): Example(
        body={"action": "suspend", "filter": {"profile": "cards"}, "per_second": 100}
    ),
    ("GET", "/v1/otp-jobs"): Example(query="limit=10"),
    ("GET", "/v1/otp-jobs/{id}"): Example(JOB),
    ("PATCH", "/v1/otp-jobs/{id}"): Example(JOB, body={"state": "paused"}),
    ("GET", "/enrol/{token}"): Example(LINK),
    ("GET", "/v1/status"): Example(),
}
