"""Recognisable secrets go through every operation; afterwards they are nowhere they must not be.

Searched: the database file, its write-ahead log, the audit entries, every refusal and answer; for
the secret as it is, in hexadecimal, and in base64 at each of the three places in a group.
"""

import base64
import hmac
import json
import traceback
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.software.derivation import derive
from strongroom.adapters.software.provider import _unwrap
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.records import Kind, Ref
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.things import Namespace, Version, version_id
from strongroom.domain.tokens import PREFIX
from strongroom.node.metrics import Meter
from strongroom.services.facts import Facts
from strongroom.services.sealing import Sealing
from strongroom.tlog.tiles import ENTRIES, tiles
from tests.support.alerts import raised
from tests.support.desks import House, at_once
from tests.support.otp import totp
from tests.support.signs_at_once import SignsAtOnce

PLAINTEXTS = [b"MARKER-plaintext-%d-4111111111111111" % number for number in range(4)]
CONTEXT_NAME, CONTEXT_VALUE = "MARKER-context-name", "MARKER-context-value"
FORBID = (
    'forbid (principal == Principal::"app", action == Action::"key.decrypt", resource)'
    ' when { context.encryption.hasTag("stop") && context.encryption.getTag("stop") like "y*" };'
)


_ABOUT_ALL = {"audit.read-keys", "identity.read", "status.read", "jwks.read", "namespace.read"}
OTP_USER = "MARKER-user-of-otp"
OTP_SECRET = b"MARKER-otp-secret-01"
CODE = "MARKER-otp-code"
BROUGHT = b"MARKER-brought-material-00000001"


def spellings(secret):
    """Every form in which the secret might have been written down."""
    found = {"raw": secret, "hex": secret.hex().encode(), "HEX": secret.hex().upper().encode()}
    for shift in range(3):
        for name, encode in (("base64", base64.b64encode), ("url", base64.urlsafe_b64encode)):
            whole = encode(b"\0" * shift + secret)
            # Without the letters that depend on what stands before and after.
            first = (shift * 8 + 5) // 6
            last = ((shift + len(secret)) * 8) // 6
            found[f"{name}+{shift}"] = whole[first:last]
    return found


def test_the_search_finds_what_is_hidden_in_each_of_the_forms():
    """Otherwise the tests below would prove nothing."""
    secret = b"MARKER-secret"
    forms = spellings(secret)
    for before in (b"", b"a", b"ab", b"abc", b"abcd"):
        for after in (b"", b"z", b"zy"):
            hidden = before + secret + after
            for written in (hidden, hidden.hex().encode(), base64.b64encode(hidden)):
                assert any(form in written for form in forms.values()), (before, after)


class Visit:
    """Everything asked, and everything that could remember it."""

    def __init__(self, path):
        self.house = House(path)
        self.desk = self.house.desk()
        self.said = []
        self.texts = []
        self.done = set()
        house = self.house
        self.secrets = {f"plaintext {n}": p for n, p in enumerate(PLAINTEXTS)}
        self.secrets["context name"] = CONTEXT_NAME.encode()
        self.secrets["context value"] = CONTEXT_VALUE.encode()
        self.secrets["OTP code"] = CODE.encode()
        self.tokens = [house.admin, house.app]
        self._everything()
        for number, token in enumerate(self.tokens):
            self.secrets[f"token {number}"] = token.encode()
            raw = base64.b32decode(token.removeprefix(PREFIX).upper())
            self.secrets[f"token {number}, its secret"] = raw[10:42]
        self._material()

    def ask(self, token, operation, target="", /, **fields):
        self.done.add(operation)
        answer = self.desk.ask(token, operation, target, **fields)
        self.texts.append(msgspec.json.encode(answer).decode())
        return answer

    def refuse(self, token, operation, target="", /, **fields):
        _, reply = self.desk.reply(token, operation, target, **fields)
        assert reply.code, operation
        self.said.append(f"{reply!r} {reply.detail} {reply.pointer} {reply.answer!r}")

    def _everything(self):
        admin, app = self.tokens
        context = {CONTEXT_NAME: CONTEXT_VALUE}
        other = self.ask(admin, "namespace.create", name="other").token
        self.tokens.append(other)
        self.ask(admin, "principal.create", name="user", roles=["key-user"])
        made = self.ask(admin, "token.create", principal="user")
        self.tokens.append(made.token)
        signs = self.ask(admin, "token.create-access-key", principal="user")
        self.secrets["secret access key"] = signs.secret_access_key.encode()
        self.ask(admin, "key.create", name="two")
        self._regions(admin)
        blobs = []
        for plaintext in PLAINTEXTS:
            for name in ("demo", "two"):
                sealed = self.ask(app, "key.encrypt", name, plaintext=plaintext, context=context)
                blobs.append(sealed.ciphertext)
                self.ask(app, "key.decrypt", ciphertext=sealed.ciphertext, context=context)
            self.ask(admin, "key.rotate", "demo")
        items = [{"plaintext": plaintext, "context": context} for plaintext in PLAINTEXTS]
        self.ask(app, "key.encrypt", "demo", items=items)
        asked = [{"ciphertext": blob, "context": context} for blob in blobs]
        self.ask(app, "key.decrypt", items=[*asked, {"ciphertext": blobs[0]}])
        self.ask(admin, "policy.write", "stop", text=FORBID)
        self.ask(admin, "policy.read", "stop")
        self.ask(admin, "policy.list")
        explained = {"principal": "app", "action": "key.decrypt", "key": "demo"}
        self.ask(admin, "authorize.explain", **explained, context=context | {"stop": "yes"})
        self._uses(admin, app, blobs[0], context)
        self._life(admin)
        self._refusals(admin, app, blobs[0], context)
        self.ask(admin, "policy.delete", "stop")
        self.ask(admin, "key.disable", "two")
        self.refuse(app, "key.encrypt", "two", plaintext=PLAINTEXTS[0], context=context)
        self.refuse(app, "key.decrypt", ciphertext=blobs[1], context=context)
        self.ask(admin, "key.enable", "two")
        self.ask(admin, "key.update", "two", description="changed")
        self.ask(admin, "key.read", "two")
        for operation in OPERATIONS.keys() - {"otp.list", "grant.list"}:
            if operation.endswith(".list") or operation in _ABOUT_ALL:
                self.ask(admin, operation)
        self._one_time_passwords(admin)
        self.ask(admin, "principal.read", "user")
        self.ask(admin, "principal.update", "user", description="changed")
        self.ask(admin, "token.revoke", made.id)
        self.refuse(made.token, "identity.read")
        self._evidence(admin, app)
        alert = raised(self.house, self.desk)
        self.ask(admin, "alert.read", alert)
        self.ask(self.tokens[-1], "alert.acknowledge", alert, note="seen")
        self.ask(admin, "audit.read", limit=1_000)
        self.ask(other, "audit.read", limit=1_000)

    def _one_time_passwords(self, admin):
        tokens = {}
        for duty in ("enroller", "verifier", "helpdesk", "officer", "migrator"):
            self.ask(admin, "principal.create", name=duty, roles=[f"otp-{duty}"])
            tokens[duty] = self.ask(admin, "token.create", principal=duty).token
            self.tokens.append(tokens[duty])
        enroller, verifier, helpdesk, officer, migrator = tokens.values()
        self.secrets |= {"OTP user": OTP_USER.encode(), "imported OTP secret": OTP_SECRET}
        self.ask(officer, "otp.write-profile", "strict", digits=8)
        self.ask(officer, "otp.list-profiles")
        name = self._handed_over(enroller)
        item = {"secret": OTP_SECRET, "user": OTP_USER}
        suite = {"type": "ocra", "suite": "OCRA-1:HOTP-SHA1-6:QN08"}
        items = [item, item | suite, item | {"type": "ocra"}]
        brought, asked, _ = self.ask(migrator, "otp.import", items=items).items
        self.refuse(migrator, "otp.import", items=[{"secret": OTP_SECRET}])
        public = X25519PrivateKey.generate().public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )  # fmt: skip
        self.ask(migrator, "otp.export", public_key=public)
        self.refuse(migrator, "otp.export", public_key=OTP_SECRET)
        self.ask(verifier, "otp.challenge", asked.id, transaction={"payee": OTP_USER})
        self.ask(verifier, "otp.verify", brought.id, code=CODE)
        self.ask(verifier, "otp.verify-user", user=OTP_USER, code=CODE)
        self.ask(helpdesk, "otp.resync", brought.id, first=CODE, second=CODE)
        text = 'permit (principal == Principal::"verifier", action, resource);'
        self.ask(admin, "policy.write", "all", text=text)
        self._secretly(verifier, "otp.compute", brought.id)
        for operation in ("otp.suspend", "otp.resume", "otp.unlock", "otp.read"):
            self.ask(helpdesk, operation, name)
        self.ask(helpdesk, "otp.list", user=OTP_USER)
        job = self.ask(
            officer, "otp.create-job", action="rotate", filter={"user": OTP_USER}
        ).id  # fmt: skip
        self.ask(officer, "otp.list-jobs")
        self.ask(officer, "otp.read-job", job)
        self.ask(officer, "otp.update-job", job, state="cancelled")
        self.ask(officer, "otp.delete-profile", "strict")
        self.ask(officer, "otp.revoke", name)
        self.ask(officer, "otp.destroy", name)

    def _handed_over(self, enroller):
        """A credential whose user was shown a secret twice, each time another."""
        labels = {"account": OTP_USER, "issuer": OTP_USER}
        made = self._secretly(enroller, "otp.enrol", user=OTP_USER, profile="strict", **labels)
        name = made.credential.id
        links = [made.link, self._secretly(enroller, "otp.link", name, **labels).link]
        self.refuse("", "otp.fetch", token=made.link.token)
        for number in range(2):
            shown = self._secretly("", "otp.fetch", token=links[-1].token)
            self.refuse("", "otp.fetch", token=links[-1].token)
            self.secrets[f"OTP secret {number}"] = base64.b32decode(shown.key)
            self.secrets[f"OTP secret {number}, as text"] = shown.key.encode()
            if not number:
                code = totp(base64.b32decode(shown.key), self.house.clock.now, 8)
                assert self.ask(enroller, "otp.activate", name, code=code).active
                links.append(self._secretly(enroller, "otp.rotate", name, **labels).link)
        for number, link in enumerate(links):
            self.secrets[f"link {number}"] = link.token.encode()
        self.ask(enroller, "otp.activate", name, code=CODE)
        return name

    def _evidence(self, admin, app):
        self.ask(admin, "principal.create", name="auditor", roles=["auditor"])
        auditor = self.ask(admin, "token.create", principal="auditor").token
        self.tokens.append(auditor)
        request, _ = self.desk.reply(app, "key.encrypt", "demo", plaintext=PLAINTEXTS[0])
        house = self.house
        SignsAtOnce(house.store, SoftwareProvider(Sensitive(house.root))).sign()
        self.ask(app, "receipt.read", request)
        self.refuse(app, "receipt.read", "0" * 32)
        self.ask(auditor, "audit.read-checkpoint")
        self.ask(auditor, "audit.read-tile", level=0, n=0, width=1)
        for tile in tiles(ENTRIES, house.store.checkpoints().counted_size):
            self.ask(auditor, "audit.read-entries", n=tile.n, width=tile.width)
        self.refuse(admin, "audit.read-entries", n=0, width=1)

    def _secretly(self, token, operation, target="", /, **fields):
        """Of an operation whose answer is a secret: it is looked for everywhere but there."""
        self.done.add(operation)
        return self.desk.ask(token, operation, target, **fields)

    def _life(self, admin):
        self.ask(admin, "principal.create", name="exporter", roles=["key-exporter"])
        exporter = self.ask(admin, "token.create", principal="exporter").token
        self.tokens.append(exporter)
        self.ask(admin, "key.create", name="brought", origin="imported", exportable=True)
        self.secrets["brought material"] = BROUGHT
        asked = self.ask(admin, "key.import-parameters", "brought", wrapping_key="rsa-2048")
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        public = serialization.load_der_public_key(asked.public_key)
        bringing = {"import_token": asked.import_token, "wrapping": "rsa-oaep-sha256"}
        for bad in (b"MARKER-brought", bytes(32)):
            self.refuse(admin, "key.import", "brought", **bringing,
                        wrapped_material=public.encrypt(bad, oaep))  # fmt: skip
        self.refuse(admin, "key.import", "brought", **bringing, wrapped_material=BROUGHT * 8)
        self.ask(admin, "key.import", "brought", **bringing,
                 wrapped_material=public.encrypt(BROUGHT, oaep))  # fmt: skip
        private = rsa.generate_private_key(65537, 2048)
        der = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        taken = self.ask(
            exporter, "key.export", "brought", public_key=der, wrapping="rsa-oaep-sha256"
        )
        assert private.decrypt(taken.wrapped_material, oaep) == BROUGHT
        backup = self.ask(admin, "key.backup", "brought").backup
        self.refuse(admin, "key.restore", backup=backup)
        other = House(Path(self.house.path).with_name("other.db"), root=self.house.root)
        restored, self.desk = self.desk, other.desk()
        self.ask(other.admin, "key.restore", backup=backup)
        self.desk = restored
        other.store.close()
        self.ask(admin, "key.delete-imported-material", "brought")
        self.ask(admin, "key.read-policy", "demo")
        statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
        self.ask(admin, "key.write-policy", "demo", policy=json.dumps({"Statement": statement}))
        self.refuse(admin, "key.write-policy", "demo", policy=PLAINTEXTS[0].decode("latin-1"))
        context = {"MARKER-grant": "MARKER-grant-value"}
        granted = {"grantee": "app", "operations": ["Decrypt"], "context_subset": context}
        for operation in ("grant.revoke", "grant.retire"):
            grant = self.ask(admin, "grant.create", "demo", **granted).id
            self.ask(admin, "grant.list", "demo")
            self.ask(admin, operation, "demo", grant=grant)
        self.ask(admin, "grant.list-retirable", retiring="app")
        self.ask(admin, "key.write-policy", "demo", policy="")
        self.ask(admin, "alias.write", "other-name", key="brought")
        self.ask(admin, "alias.delete", "other-name")
        self.ask(admin, "key.read-usage", "demo")
        self.ask(admin, "namespace.update", publishes_keys=True, private_sources=True)
        self.ask("", "jwks.read-published", "default")
        for operation in (
            "key.deactivate", "key.mark-compromised", "key.schedule-destruction",
            "key.cancel-destruction",
        ):  # fmt: skip
            self.ask(admin, operation, "brought")

    def _regions(self, admin):
        here = self.ask(admin, "namespace.create", name="here", region="eu-west-1").token
        ask = {"name": "there", "region": "us-east-1", "account_of": "here"}
        self.tokens += [here, self.ask(admin, "namespace.create", **ask).token]
        self.ask(here, "key.create", name="related", multi_region=True)
        self.ask(here, "key.replicate", "related", region="us-east-1")
        self.ask(here, "key.rotate", "related")
        self.ask(here, "key.update", "related", primary_region="us-east-1")
        self.refuse(here, "key.replicate", "related", region="ap-south-1")

    def _uses(self, admin, app, blob, context):
        for name, algorithm, purpose in (
            ("signer", "ec-p256", "sign-verify"), ("mac", "hmac-sha256", "mac"),
            ("agreement", "x25519", "agree"), ("kem", "ml-kem-768", "encapsulate"),
            ("wrapper", "aes-256-kw", "wrap"), ("raw", "aes-256-gcm-raw", "encrypt-decrypt"),
        ):  # fmt: skip
            self.ask(admin, "key.create", name=name, algorithm=algorithm, purpose=purpose)
        message = PLAINTEXTS[0]
        signature = self.ask(app, "key.sign", "signer", message=message).signature
        self.ask(app, "key.verify", "signer", message=message, signature=signature)
        asked = [
            {"message": message, "signature": signature},
            {"digest": message[:28], "signature": b""},
        ]
        self.ask(app, "key.verify", "signer", items=asked)
        tag = self.ask(app, "key.mac", "mac", message=message).tag
        self.ask(app, "key.verify-mac", "mac", message=message, tag=tag)
        self.ask(app, "key.mac", "mac", items=[{"message": message}])
        self.ask(app, "key.verify-mac", "mac", items=[{"message": message, "tag": tag}])
        data_key = self._secretly(app, "key.generate-data-key", "demo", context=context)
        self.secrets["data key"] = data_key.plaintext
        pair = self._secretly(app, "key.generate-data-key-pair", "demo", algorithm="ed25519")
        self.secrets["data key pair"] = pair.private_key[-32:]
        self.ask(app, "key.re-encrypt", "two", ciphertext=blob, context=context)
        asked = [{"ciphertext": blob, "context": context}, {"ciphertext": blob}]
        self.ask(app, "key.re-encrypt", "two", items=asked)
        peer = self.ask(admin, "key.read-public-key", "agreement").der
        agreed = self._secretly(app, "key.agree", "agreement", public_key=peer)
        self.secrets["agreed secret"] = agreed.shared_secret
        made = self._secretly(app, "key.encapsulate", "kem")
        self.secrets["encapsulated secret"] = made.shared_secret
        self._secretly(app, "key.decapsulate", "kem", ciphertext=made.ciphertext)
        wrapped = self.ask(app, "key.wrap", "wrapper", material=PLAINTEXTS[0][:32]).wrapped
        self._secretly(app, "key.unwrap", "wrapper", wrapped=wrapped)
        self.secrets["random bytes"] = self._secretly(app, "random.generate").random
        sealed = self.ask(app, "key.encrypt", "raw", plaintext=PLAINTEXTS[1]).ciphertext
        self.ask(app, "key.decrypt", "raw", ciphertext=sealed)
        self.refuse(app, "key.sign", "mac", message=message)
        bent = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
        self.refuse(app, "key.unwrap", "wrapper", wrapped=bent)
        self.refuse(app, "key.agree", "agreement", public_key=message)
        self.refuse(app, "key.encrypt", "raw", plaintext=message, context=context)

    def _refusals(self, admin, app, blob, context):
        right = {"ciphertext": blob, "context": context}
        self.refuse(app, "key.decrypt", ciphertext=blob, context=context | {"stop": "yes"})
        self.refuse(app, "key.decrypt", ciphertext=blob + PLAINTEXTS[0], context=context)
        self.refuse(app, "key.decrypt", "two", **right)
        self.refuse(app, "key.decrypt", "none", **right)
        self.refuse(app, "key.encrypt", "demo", plaintext=PLAINTEXTS[0] * 3_000, context=context)
        self.refuse(app, "key.encrypt", "demo", plaintext=7, context=context)
        self.refuse(app, "key.encrypt", "demo", plaintext=PLAINTEXTS[0], context={CONTEXT_NAME: 7})
        many = {CONTEXT_NAME: CONTEXT_VALUE * 1_000}
        self.refuse(app, "key.encrypt", "demo", plaintext=PLAINTEXTS[0], context=many)
        self.refuse(app, "key.encrypt", "demo", plaintext=PLAINTEXTS[0], **{CONTEXT_VALUE: 1})
        self.refuse(app, "key.create", name=CONTEXT_VALUE)
        for token in (app, admin):
            for bad in (token[:-1], token + "a", token.upper(), token[:40] + token[41:] + "a"):
                self.refuse(bad, "key.encrypt", "demo", plaintext=PLAINTEXTS[0], context=context)
        request, _ = self.desk.reply(app, "key.disable", "demo")
        self.ask(admin, "decision.read", request)
        self._remember_audit_keys()
        self.ask(admin, "audit.erase-details", identifiers=True)
        self._remember_audit_keys()

    def _remember_audit_keys(self):
        house = self.house
        provider = SoftwareProvider(Sensitive(house.root))
        facts = Facts(DirectLedger(house.store), provider, CedarEngine(), Meter())
        namespace = at_once(facts.namespace(house.first))
        keys = namespace.audit_keys.body
        number = keys.details_generation
        for part, wrapped, generation in (
            ("identifiers", keys.identifiers, keys.identifiers_generation),
            ("details", keys.details, number),
        ):
            binding = Sealing(provider, house.store.deployment).audit_key_binding(
                house.first, part, generation
            )
            material = _unwrap(namespace.handle._wrapping_key, wrapped, binding)
            self.secrets[f"key of {part} {number}"] = material

    def _material(self):
        """Keys in the open: the root, the namespace's, each version's."""
        house = self.house
        provider = SoftwareProvider(Sensitive(house.root))
        sealing = Sealing(provider, house.store.deployment)
        (record,) = house.store.load([Ref(Kind.NAMESPACE, house.first)])
        namespace = sealing.open(record, Namespace, expected=(Kind.NAMESPACE, house.first))
        handle = provider.open_namespace_key(
            namespace.wrapped_key, sealing.namespace_binding(house.first)
        )
        self.secrets["root key"] = house.root
        self.secrets["namespace key"] = handle._key.reveal()
        mac_key, _ = derive(house.root, b"strongroom/record-mac/1", b"")
        assert hmac.digest(mac_key, b"a record", "sha256") == provider.mac(b"a record")
        self.secrets["record MAC key"] = mac_key
        key = house.store.find(Kind.KEY, house.first, "demo").id
        for number in (1, 2):
            (row,) = house.store.load([Ref(Kind.VERSION, version_id(key, number))])
            version = sealing.open(row, Version, expected=(Kind.VERSION, version_id(key, number)))
            binding = sealing.version_binding(
                namespace=house.first,
                key=key,
                version=number,
                purpose="encrypt-decrypt",
                algorithm=version.algorithm,
            )
            material = _unwrap(handle._wrapping_key, version.wrapped, binding)
            self.secrets[f"material {number}"] = material


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    made = Visit(tmp_path_factory.mktemp("markers") / "store.db")
    yield made
    made.house.store.close()


def search(visit, text, where, *, besides=()):
    for name, secret in visit.secrets.items():
        if name.startswith(besides or "\0"):
            continue
        for form, spelling in spellings(secret).items():
            assert len(spelling) > 12
            assert spelling not in text, f"{name} as {form} in {where}"


def test_every_operation_took_part(visit):
    assert visit.done == OPERATIONS.keys()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_no_secret_is_in_the_files_of_the_database(visit, suffix):
    content = Path(visit.house.path + suffix).read_bytes()
    assert content
    search(visit, content, f"the database{suffix}")


def test_the_files_hold_what_was_done_so_the_search_looked_at_the_right_ones(visit):
    content = b"".join(Path(visit.house.path + suffix).read_bytes() for suffix in ("", "-wal"))
    for what in (b'"key.decrypt"', b"key/two", b"policy:stop"):
        assert what in content


def test_no_secret_is_in_any_entry(visit):
    entries = visit.house.store._db.execute("SELECT * FROM entries").fetchall()
    assert len(entries) > 40
    search(visit, repr(entries).encode(), "the entries")
    search(visit, b"".join(entry[-1].encode() for entry in entries), "the entries' bodies")


def test_no_secret_is_in_any_refusal(visit):
    assert len(visit.said) > 15
    search(visit, "\n".join(visit.said).encode(), "a refusal")


def test_no_secret_is_in_an_answer_that_is_not_meant_to_carry_it(visit):
    """But for plaintexts from decrypt, and a token and an access key when it is made, once each."""
    for text in visit.texts:
        carries = '"plaintext"', '"token":"srt_', '"secret_access_key"'
        if not any(field in text for field in carries):
            search(visit, text.encode(), text[:60])
    for token in visit.tokens[2:]:
        assert sum(token in text for text in visit.texts) == 1


def test_no_secret_is_in_what_a_failing_provider_prints(visit):
    """The traceback, the repr of everything on its way, and the handles themselves."""
    provider = SoftwareProvider(Sensitive(visit.house.root))
    wrapped = provider.generate_namespace_key(b"here")
    shown = [repr(provider), repr(vars(provider))]
    for attempt in (
        lambda: provider.open_namespace_key(wrapped[:-1], b"here"),
        lambda: provider.open_namespace_key(wrapped, b"there"),
        lambda: provider.check_mac(b"x", bytes(32)),
    ):
        try:
            attempt()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
            shown += [repr(error), *traceback.format_exception(error), repr(error.args)]
    handle = provider.open_namespace_key(wrapped, b"here")
    shown += [repr(handle), repr(vars(handle)), f"{handle}", str(vars(handle))]
    search(visit, "\n".join(shown).encode(), "what is printed")
