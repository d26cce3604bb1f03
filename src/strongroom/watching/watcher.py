"""The watcher reads the audit log, entry by entry, and says what somebody should look at.

It knows no clock, disk or network: time is what the entries say. The same entries make the same
findings, whenever they are read. What it has learned is bounded (`memory.py`).
"""

from collections.abc import Callable
from typing import Final

from strongroom.domain import limits
from strongroom.domain.events import USES, Event, Outcome, tally
from strongroom.domain.findings import EVIDENCE_MAX, Evidence, Finding
from strongroom.domain.times import microseconds, rfc3339
from strongroom.watching.alarms import Alarms, evidence_of
from strongroom.watching.codes import ATTEMPTS, refused_codes
from strongroom.watching.hours import Hours
from strongroom.watching.memory import (
    KeyMemory,
    PrincipalMemory,
    State,
    TokenMemory,
    forget_oldest,
    make_room,
    pack,
    unpack,
)
from strongroom.watching.networks import Networks
from strongroom.watching.rhythm import STEPS, Rhythm
from strongroom.watching.rules import RULES, Rule, Rules

# What hands out what was hidden. A re-encryption does not: its result is decrypted, and counted.
DECRYPTS: Final = frozenset({"key.agree", "key.decapsulate", "key.decrypt", "key.unwrap"})
STOPS: Final = frozenset(
    {
        "key.deactivate",
        "key.delete-imported-material",
        "key.disable",
        "key.mark-compromised",
        "key.schedule-destruction",
    }
)
TAKES_OUT: Final = frozenset({"key.backup", "key.export"})
# What tells more of a credential than whether a code is right. No role computes codes.
SHOWS: Final = frozenset({"otp.compute", "otp.export"})
# Refusals of somebody who tries what is there; the others are accidents, or the server's own.
PROBES: Final = frozenset({"invalid-ciphertext", "not-allowed", "not-found"})

_OURS: Final = "strongroom:"  # begins the names of the server's own acts
_MET_MAX: Final = 256  # principals, and networks, remembered of a key; no threshold is higher
_HOUR: Final = 3_600
_DAY: Final = 86_400
_STEP: Final = _HOUR // STEPS

_Act = Callable[[int, Event], None]


class Watcher:
    """See the head of this module."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self._state = State()
        self._networks = Networks()
        self._alarms = Alarms(self._state, rules, self._networks)
        # Entries of this hour that may become evidence. Not kept: findings do not depend on it.
        self._recent: dict[str, list[Evidence]] = {}
        self._hour_text = ""
        self._hour_seconds = 0
        self._acts: dict[str, _Act] = {
            **dict.fromkeys(STOPS, self._stopped),
            **dict.fromkeys(TAKES_OUT, self._taken_out),
            **dict.fromkeys(SHOWS, self._secrets_shown),
            "key.cancel-destruction": self._cancelled,
            "principal.update": self._principal_changed,
            "token.create": self._token_made,
            "token.revoke": self._token_revoked,
        }

    @classmethod
    def restore(cls, raw: bytes, rules: Rules = RULES) -> "Watcher":
        """One that goes on where `state` was taken. Raises `ValueError` for any other bytes."""
        watcher = cls(rules)
        watcher._state = watcher._alarms.state = unpack(raw)
        return watcher

    def state(self) -> bytes:
        """What it has learned: some KiB of most deployments, some MiB when every table is full."""
        return pack(self._state)

    def feed(self, position: int, event: Event) -> list[Finding]:
        """Read the entry that stands at that position. Returns what it makes a finding.

        Entries come in the order of the log, each once. What is fed again after `restore` makes
        the same findings again, with the same ids.
        """
        # 1. What time is it? 2. What the server does by itself only says what became of keys.
        self._tell_time(position, event)
        if event.principal.startswith(_OURS):
            self._key_ends(event)
        # 3. Who was refused is looked at for what was tried, who was allowed for what was done.
        elif event.outcome is Outcome.REFUSED:
            self._refused(position, event)
        elif event.principal:
            self._allowed(position, event)
        if event.action in ATTEMPTS:
            self._codes(position, event)
        return self._alarms.take() if self._alarms.found else []

    # Time.

    def _tell_time(self, position: int, event: Event) -> None:
        text = event.time
        if text[:13] != self._hour_text:
            self._hour_text = text[:13]
            self._hour_seconds = microseconds(f"{text[:13]}:00:00Z") // 1_000_000
        seconds = self._hour_seconds + 60 * int(text[14:16]) + int(text[17:19])
        state = self._state
        # Custodians decide side by side: an entry may be some seconds older than the one before.
        if seconds <= state.now:
            if state.now - seconds > self.rules["clock-leap"]["back_hours"] * _HOUR:
                self._leap(position, event, seconds)
            return
        if state.now and seconds - state.now > self.rules["clock-leap"]["ahead_days"] * _DAY:
            self._leap(position, event, seconds)
            return
        state.now = seconds
        if seconds // _HOUR != state.hour:
            self._turn_hour(seconds)

    def _leap(self, position: int, event: Event, seconds: int) -> None:
        """What was learned is of another time. Says so, and learns anew."""
        before = self._state.now
        self._state = self._alarms.state = State(now=seconds)
        self._turn_hour(seconds)
        self._alarms.sound(
            self.rules["clock-leap"], event, "log", 1, [evidence_of(position, event)],
            before=_minute(before), after=_minute(seconds),
        )  # fmt: skip

    def _turn_hour(self, seconds: int) -> None:
        self._state.hour = seconds // _HOUR
        self._state.raised.clear()
        self._recent.clear()

    @property
    def _today(self) -> int:
        return self._state.hour // 24

    # What was allowed.

    def _allowed(self, position: int, event: Event) -> None:
        state = self._state
        hours = self._principal(event.namespace, event.principal).hours
        if hours.hour != state.hour:
            rule = self.rules["unusual-hour"]
            hours.turn(
                state.hour,
                days_min=rule["days_min"],
                margin=rule["margin_hours"],
                weekend_days_min=rule["weekend_days_min"],
            )
        if hours.odd >= 0:
            self._unusual_hour(position, event, hours)
        if event.token and event.token not in state.tokens:
            self._learn_token(event.token, event.principal)
        if event.action in USES:
            self._used(position, event)
        else:
            act = self._acts.get(event.action)
            if act is not None:
                act(position, event)

    def _unusual_hour(self, position: int, event: Event, hours: Hours) -> None:
        rule = self.rules["unusual-hour"]
        hours.odd += 1
        subject = f"principal/{event.principal}"
        recent = self._remember(f"{event.namespace} {subject}", position, event)
        if hours.odd >= rule["at_least"]:
            weekend = hours.odd_weekend(self._state.hour, rule["weekend_days_min"])
            self._alarms.sound(
                rule, event, subject, hours.odd, recent,
                hour=f"{self._state.hour % 24:02d}:00",
                days=hours.days - 1,
                kind="at a weekend" if weekend else "at that time of day",
            )  # fmt: skip

    def _used(self, position: int, event: Event) -> None:
        decrypts = event.action in DECRYPTS
        today = self._today
        network = self._networks.of(event.source)
        try:
            uses = tally(event)
        except ValueError:  # nobody wrote that; the log's own checks say so
            return
        for name, _, count in uses:
            key = self._key(event.namespace, name)
            key.uses += count
            key.used = key.seen = today
            # Whom a key has met today is looked up twice and no more.
            if key.principals.get(event.principal) != today:
                self._meet_principal(position, event, name, key)
            if network and key.networks.get(network) != today:
                self._meet_network(position, event, name, key, network)
            if decrypts:
                self._decrypted(position, event, name, key, count)
        if decrypts and event.details:
            self._batch(position, event)

    def _meet_principal(self, position: int, event: Event, name: str, key: KeyMemory) -> None:
        rule = self.rules["first-use-by-principal"]
        met = key.principals
        if self._is_first(rule, key, met.get(event.principal)) and len(met) <= rule["users_max"]:
            self._alarms.sound(
                rule, event, f"principal/{event.principal}", 1, [evidence_of(position, event)],
                key=name, age=self._today - key.first_day, known=len(met),
            )  # fmt: skip
        self._meet(met, event.principal)

    def _meet_network(
        self, position: int, event: Event, name: str, key: KeyMemory, network: str
    ) -> None:
        rule = self.rules["first-use-from-network"]
        met = key.networks
        if self._is_first(rule, key, met.get(network)) and len(met) <= rule["networks_max"]:
            self._alarms.sound(
                rule, event, f"network/{network}", 1, [evidence_of(position, event)],
                key=name, age=self._today - key.first_day, known=len(met),
            )  # fmt: skip
        self._meet(met, network)

    def _meet(self, met: dict[str, int], name: str) -> None:
        if name not in met:
            if len(met) >= _MET_MAX:
                return
            state = self._state
            if state.meetings >= limits.WATCHED_MEETINGS_MAX:
                forget_oldest(state.keys, lambda known: known.seen)
                known = state.keys.values()
                state.meetings = sum(len(key.principals) + len(key.networks) for key in known)
            state.meetings += 1
        met[name] = self._today

    def _is_first(self, rule: Rule, key: KeyMemory, last: int | None) -> bool:
        return (
            (last is None or self._today - last > rule["forget_days"])
            and self._today - key.first_day >= rule["learning_days"]
            and key.uses > rule["uses_min"]
        )

    def _decrypted(
        self, position: int, event: Event, name: str, key: KeyMemory, count: int
    ) -> None:
        rule = self.rules["decrypt-rate"]
        step = self._state.now // _STEP
        if key.rhythm is None:
            key.rhythm = Rhythm.begin(step)
        so_far = key.rhythm.add(step, count)
        least = rule["at_least"]
        # Half of the way there, so that a finding has more to show than its last entry.
        if so_far < least // 2:
            return
        recent = self._remember(f"{event.namespace} {name}", position, event)
        if so_far < least or not key.rhythm.learned(rule["learning_days"]):
            return
        bound = key.rhythm.bound_now(factor=rule["factor"], at_least=least)
        if so_far > bound:
            self._alarms.sound(
                rule, event, name, so_far, recent,
                key=name, count=so_far, bound=bound, until=evidence_of(position, event).time[11:16],
            )  # fmt: skip

    def _batch(self, position: int, event: Event) -> None:
        details, principal = event.details, f"principal/{event.principal}"
        count, failed = details.get("count"), details.get("failed", 0)
        if not isinstance(count, int) or not isinstance(failed, int):
            return
        if count > failed:
            self._alarms.count("bulk-decrypt", position, event, principal, count=count - failed)
        if failed:
            # A batch is allowed though ciphertexts in it were not good: each is a try.
            self._alarms.count(
                "refusals-of-principal", position, event, principal,
                count=failed, reason="invalid-ciphertext",
            )  # fmt: skip

    # Acts that are not uses.

    def _stopped(self, position: int, event: Event) -> None:
        principal = f"principal/{event.principal}"
        self._alarms.count("many-keys-stopped", position, event, principal, named=event.object)
        if event.action != "key.schedule-destruction" or "key_version" in event.details:
            return
        rule = self.rules["destruction-in-use"]
        key = self._key(event.namespace, event.object)
        idle = self._today - key.used
        if idle <= rule["used_days"] and key.uses >= rule["uses_min"]:
            self._alarms.sound(
                rule, event, event.object, 1, [evidence_of(position, event)],
                key=event.object, days=idle, uses=key.uses,
            )  # fmt: skip
        self._key_ends(event)

    def _taken_out(self, position: int, event: Event) -> None:
        principal = f"principal/{event.principal}"
        self._alarms.count("many-exports", position, event, principal, named=event.object)

    def _secrets_shown(self, position: int, event: Event) -> None:
        count = event.details.get("count", 1)
        if isinstance(count, int) and count > 0:
            principal = f"principal/{event.principal}"
            self._alarms.count("otp-secrets", position, event, principal, count=count)

    def _key_ends(self, event: Event) -> None:
        """What the entry says of a whole key's end."""
        state = _ENDS.get(event.action)
        if state is not None and "key_version" not in event.details:
            key = self._key(event.namespace, event.object)
            key.state, key.seen = state, self._today

    def _cancelled(self, position: int, event: Event) -> None:
        del position
        self._key_ends(event)

    def _principal_changed(self, position: int, event: Event) -> None:
        del position
        principal = self._principal(event.namespace, event.object.partition("/")[2])
        principal.disabled = bool(event.details.get("disabled", 0))

    def _token_made(self, position: int, event: Event) -> None:
        del position
        self._learn_token(str(event.details.get("token", "")), event.object.partition("/")[2])

    def _token_revoked(self, position: int, event: Event) -> None:
        del position
        token = str(event.details.get("token", ""))
        if token not in self._state.tokens:
            self._learn_token(token, "")
        self._state.tokens[token].revoked = True

    # What was refused.

    def _refused(self, position: int, event: Event) -> None:
        if event.reason == "unauthenticated":
            network = f"network/{self._networks.of(event.source)}"
            self._alarms.count("refusals-from-network", position, event, network)
            if event.token:
                self._bad_token(position, event)
        elif event.principal and event.reason in PROBES:
            principal = f"principal/{event.principal}"
            self._alarms.count(
                "refusals-of-principal", position, event, principal, reason=event.reason
            )
        elif event.reason == "key-not-usable" and event.action in USES:
            key = self._state.keys.get(f"{event.namespace} {event.object}")
            if key is not None and key.state:
                key.seen = self._today
                self._alarms.count(
                    "use-near-destruction", position, event, event.object, state=key.state
                )

    def _bad_token(self, position: int, event: Event) -> None:
        """A token with the right secret that is not good: its owner's, or one that was found."""
        token = self._state.tokens.get(event.token)
        if token is None:
            return
        owner = self._state.principals.get(f"{event.namespace} {token.principal}")
        if owner is not None and owner.disabled:
            self._alarms.count(
                "disabled-principal", position, event, f"principal/{token.principal}",
                owner=token.principal,
            )  # fmt: skip
        elif token.revoked:
            self._alarms.count(
                "revoked-token", position, event, f"token/{event.token}",
                owner=token.principal or "somebody", token=event.token,
            )  # fmt: skip

    def _codes(self, position: int, event: Event) -> None:
        network = f"network/{self._networks.of(event.source)}"
        principal = f"principal/{event.principal}"
        for name, reason in refused_codes(event):
            self._alarms.count("otp-failures", position, event, network, named=name)
            self._alarms.count("otp-guesses", position, event, principal, named=name, why=reason)

    # Memory.

    def _remember(self, name: str, position: int, event: Event) -> list[Evidence]:
        recent = self._recent.setdefault(name, [])
        if len(recent) >= EVIDENCE_MAX:
            del recent[0]
        recent.append(evidence_of(position, event))
        return recent.copy()

    def _key(self, namespace: str, name: str) -> KeyMemory:
        keys = self._state.keys
        key = keys.get(f"{namespace} {name}")
        if key is None:
            make_room(keys, limits.WATCHED_KEYS_MAX, lambda known: known.seen)
            key = keys[f"{namespace} {name}"] = KeyMemory(self._today, self._today)
        return key

    def _principal(self, namespace: str, name: str) -> PrincipalMemory:
        principals = self._state.principals
        principal = principals.get(f"{namespace} {name}")
        if principal is None:
            self._alarms.age(namespace)  # a namespace begins with its first principal
            make_room(principals, limits.WATCHED_PRINCIPALS_MAX, lambda known: known.hours.hour)
            principal = PrincipalMemory(Hours(self._today))
            principals[f"{namespace} {name}"] = principal
        return principal

    def _learn_token(self, token: str, principal: str) -> None:
        make_room(self._state.tokens, limits.WATCHED_TOKENS_MAX)
        self._state.tokens[token] = TokenMemory(principal)


def _minute(seconds: int) -> str:
    return f"{rfc3339(seconds * 1_000_000)[:16]}Z"


_ENDS: Final = {
    "key.schedule-destruction": "scheduled for destruction",
    "key.cancel-destruction": "",
    "key.destroy": "destroyed",
}
