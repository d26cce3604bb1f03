"""A bank: its duties held by different people, and credentials whose secrets the tests know.

Credentials are written into the store as the services keep them; codes are made here, by none of
the code that is tested.
"""

import base64
import hmac
import itertools
import json
import os
from pathlib import Path

import msgspec
from msgspec.structs import replace

from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.calls import ANSWER_DECODERS, Call
from strongroom.domain.otp.credential import Body, Hash, Secret, State, Type, parse, spell
from strongroom.domain.otp.profile import Profile, Profiles
from strongroom.domain.records import Kind, Ref
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.things import Namespace
from strongroom.ports.store import Commit, EventQuery, Kept, Write
from strongroom.services.otp.rows import Rows, pseudonym
from strongroom.services.sealing import Sealing
from tests.support.desks import House, at_once
from tests.support.stores import entry

SECRET = b"12345678901234567890"  # of the RFCs
SECOND_US = 1_000_000
STEP_US = 30 * SECOND_US
ROLES = ("verifier", "enroller", "helpdesk", "officer", "migrator")


def hotp(secret, value, digits=6, hash_="sha1"):
    """RFC 4226, 5.3."""
    return code_of(secret, value.to_bytes(8, "big"), digits, hash_)


def code_of(secret, message, digits=6, hash_="sha1"):
    """The truncated HMAC of a message (RFC 4226, 5.3; RFC 6287, 5.2)."""
    digest = hmac.digest(secret, message, hash_.lower())
    at = digest[-1] & 15
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def totp(secret, now_us, digits=6, hash_="sha1", period=30):
    """RFC 6238, 4.2."""
    return hotp(secret, now_us // (period * SECOND_US), digits, hash_)


def secret_of(provisioned):
    """The secret in what a link showed."""
    key = provisioned.key
    return base64.b32decode(key + "=" * (-len(key) % 8))


def wrong(*right):
    """A code that is none of these."""
    return next(code for code in map("{:06}".format, itertools.count()) if code not in right)


class Bank:
    """A house, its desk, and the tokens of `bank.verifier`, `.enroller`, `.helpdesk`, …"""

    def __init__(self, path, **options):
        self._open(House(path, **options))

    @classmethod
    def of(cls, house):
        """In a house that is there."""
        bank = cls.__new__(cls)
        bank._open(house)
        return bank

    def _open(self, house):
        self.house = house
        self.desk = self.house.desk()
        self.admin = self.house.admin
        for role in ROLES:
            setattr(self, role, self.person(role, f"otp-{role}"))

    @property
    def clock(self):
        return self.house.clock

    @property
    def store(self):
        return self.house.store

    def person(self, name, *roles):
        """Somebody's token."""
        self.desk.ask(self.admin, "principal.create", name=name, roles=list(roles))
        return self.desk.ask(self.admin, "token.create", principal=name, days=365).token

    def knows_reasons(self, *roles):
        """The token of a verifier who is told reasons."""
        text = (
            'permit (principal == Principal::"informed", action == Action::"otp.read-reasons",'
            " resource);"
        )
        self.desk.ask(self.admin, "policy.write", "reasons", text=text)
        return self.person("informed", *(roles or ("otp-verifier",)))

    # What is in the store.

    @property
    def provider(self):
        return SoftwareProvider(Sensitive(self.house.root))

    @property
    def sealing(self):
        return Sealing(self.provider, self.store.deployment)

    @property
    def rows(self):
        return Rows(self.provider, self.store.deployment)

    @property
    def handle(self):
        (record,) = self.store.load([Ref(Kind.NAMESPACE, self.house.first)])
        body = self.sealing.open(record, Namespace, expected=(Kind.NAMESPACE, record.id))
        return self.provider.open_namespace_key(
            body.wrapped_key, self.sealing.namespace_binding(record.id)
        )

    def keep(self, *moves, writes=()):
        """Put rows into the store, as nobody asked for it."""
        made = entry(namespace=self.house.first, time_us=self.clock.now)
        (outcome,) = self.store.commit([Commit(self.store.epoch, (), made, writes, moves=moves)])
        assert isinstance(outcome, Kept)

    def profile(self, name="default", **settings):
        """Have that profile, and no other."""
        ref = Ref(Kind.OTP_PROFILES, self.house.first)
        (record,) = self.store.load([ref])
        revision = 0 if record is None else record.revision
        body = Profiles({name: Profile(**settings)}, {name: 1})
        sealed = self.sealing.seal(
            ref.kind, ref.id, body, namespace=self.house.first, revision=revision + 1,
            request="0" * 32,
        )  # fmt: skip
        self.keep(writes=(Write(sealed, revision),))

    def credential(
        self, secret=SECRET, *, state=State.ACTIVE, user="alice", moved=0, drift=0, proved=True,
        new=None, **body,
    ):  # fmt: skip
        """A credential's id. `new`: the secret that is to follow it, in a rotation."""
        credential_id = os.urandom(16)
        values = {
            "type": Type.TOTP, "hash": Hash.SHA1, "digits": 6, "period": 30,
            "created_s": self.clock.now // SECOND_US, "secrets": (),
        }  # fmt: skip
        bare = Body(**(values | body))
        known = {"moved": moved, "drift": drift, "proved": proved}
        secrets = (self._generation(credential_id, bare, 1, secret, **known),)
        if new is not None:
            secrets += (self._generation(credential_id, bare, 2, new),)
            if not bare.grace_us:
                bare = replace(bare, grace_us=self.clock.now + 86_400 * SECOND_US)
        self.keep(
            self.rows.new(
                credential_id, namespace=self.house.first, user=pseudonym(self.handle, user),
                state=state, body=replace(bare, secrets=secrets),
            )
        )  # fmt: skip
        return spell(credential_id)

    def _generation(self, credential_id, body, number, secret, **known):
        binding = self.rows.binding(self.house.first, credential_id, body, number)
        wrapped = self.handle.import_otp(Sensitive(secret), binding)
        return Secret(number, wrapped, shown=True, **known)

    def rotate(self, name, new, grace_s=86_400):
        """A new secret that is to follow the newest."""
        held = self.held(name)
        number = held.body.newest.generation + 1
        made = self._generation(held.id, held.body, number, new)
        grace_us = self.clock.now + grace_s * SECOND_US
        self.change(name, secrets=(held.body.newest, made), grace_us=grace_us)

    def held(self, name):
        """The credential as it is now."""
        (row,) = self.store.credentials(self.house.first, [parse(name)])
        return self.rows.open(row, expected=(self.house.first, parse(name)))

    def change(self, name, *, state=None, **body):
        """Have it otherwise, as nobody asked for it."""
        held = self.held(name)
        self.keep(self.rows.next(held, replace(held.body, **body), state))

    def entries(self, action=""):
        """What is on record, oldest first."""
        found, after = [], -1
        while True:
            page = self.store.events(
                EventQuery(self.house.first, after=after, action=action, limit=1_000)
            )
            found += [json.loads(event.body) for event in page.events]
            after = page.scanned
            if after >= page.tree_size - 1:
                return found

    def last(self, action):
        """The details of the newest entry of that action."""
        query = EventQuery(self.house.first, action=action, newest=True, limit=1)
        (event,) = self.store.events(query).events
        return json.loads(event.body)["details"]

    # What is asked.

    def code(self, steps=0, secret=SECRET):
        """The TOTP code of now, or so many steps from now."""
        return totp(secret, self.clock.now + steps * STEP_US)

    def pass_(self, seconds):
        """Let time pass."""
        self.clock.now += int(seconds * SECOND_US)

    def verify(self, name, code, desk=None, **fields):
        """Whether the verifier is told that it is right."""
        return (desk or self.desk).ask(self.verifier, "otp.verify", name, code=code, **fields).valid

    def why(self, name, code, **fields):
        """The reason on record of a code that was not right; of a right one, empty."""
        valid = self.verify(name, code, **fields)
        details = self.last("otp.verify")
        assert details["result"] == ("valid" if valid else "failed")
        return details.get("reason", "")

    def fetch(self, token):
        """What is behind a link."""
        asked = msgspec.msgpack.encode({"token": token})
        reply = at_once(self.desk.desk.answer(Call("otp.fetch", "", "", "::1", "0" * 32, asked)))
        return ANSWER_DECODERS["otp.fetch"][reply.variant].decode(reply.answer)

    def enrol(self, user="alice", **fields):
        """What the enroller is given for a new credential."""
        return self.desk.ask(self.enroller, "otp.enrol", user=user, **fields)

    def enrolled(self, user="alice", **fields):
        """A new credential's id, and its secret."""
        made = self.enrol(user, **fields)
        return made.credential.id, secret_of(self.fetch(made.link.token))

    def files(self):
        """All that is in the store's files."""
        folder = Path(self.house.path).parent
        return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def ledger_calls(ledger):
    """Have a ledger remember what it was asked: the names of its methods, and the commits."""
    calls = []

    class Remembering:
        def __getattr__(self, name):
            real = getattr(ledger, name)
            if name not in ("load", "find", "credentials", "credentials_of", "commit"):
                return real

            async def remembered(*asked):
                calls.append((name, asked))
                return await real(*asked)

            return remembered

    return Remembering(), calls
