"""Alarms: counting for the rules about bursts, and raising what was found once an episode."""

from typing import Final

from strongroom.domain import limits
from strongroom.domain.events import Event
from strongroom.domain.findings import Evidence, Finding
from strongroom.watching.bursts import STEPS, Burst
from strongroom.watching.memory import Episode, State, make_room
from strongroom.watching.networks import Networks
from strongroom.watching.rules import Rule, Rules

# Rules about how many different things there were, rather than how often.
_COUNTS_NAMES: Final = frozenset({"many-exports", "many-keys-stopped"})
_LARGER: Final = 10  # times what was raised: raised again, though the episode is not over
_HOUR: Final = 3_600


def evidence_of(position: int, event: Event) -> Evidence:
    """The entry as a finding names it."""
    return Evidence(position, event.request, event.time)


class Alarms:
    """What the rules share: windows, episodes, and the findings that wait to be taken."""

    def __init__(self, state: State, rules: Rules, networks: Networks) -> None:
        self.state = state
        self.found: list[Finding] = []
        self._rules = rules
        self._networks = networks

    def take(self) -> list[Finding]:
        """The findings since the last time."""
        found, self.found = self.found, []
        return found

    def age(self, namespace: str) -> int:
        """For how many days entries of it have been read."""
        known, today = self.state.namespaces, self.state.hour // 24
        if namespace not in known:
            make_room(known, limits.WATCHED_NAMESPACES_MAX)
            known[namespace] = today
        return today - known[namespace]

    def count(  # noqa: PLR0913 - what is counted, where, and what its sentence says
        self,
        name: str,
        position: int,
        event: Event,
        subject: str,
        *,
        count: int = 1,
        named: str = "",
        **numbers: str | int,
    ) -> None:
        """Count for a rule about bursts, and raise it when there are enough."""
        rule = self._rules[name]
        burst = self._burst(rule, event.namespace, subject)
        burst.add(count, named, evidence_of(position, event))
        size = len(burst.named) if name in _COUNTS_NAMES else burst.count
        thresholds, usual = rule.thresholds, burst.usual
        limit = max(rule["at_least"], rule["factor"] * usual if "factor" in thresholds else 0)
        if "learning_days" in thresholds and self.age(event.namespace) < rule["learning_days"]:
            burst.teach(size)
            return
        # What is beyond the limit does not teach: who raises it does so slowly, and is seen.
        burst.teach(min(size, limit))
        if size >= limit and len(burst.named) >= (
            rule["objects_min"] if "objects_min" in thresholds else 0
        ):
            self.sound(
                rule, event, subject, size, list(burst.evidence),
                count=size, limit=limit, usual=usual, objects=len(burst.named), **numbers,
            )  # fmt: skip

    def sound(
        self,
        rule: Rule,
        event: Event,
        subject: str,
        size: int,
        evidence: list[Evidence],
        **numbers: str | int,
    ) -> None:
        """A finding, unless its episode goes on and it was raised already."""
        if not rule.on:
            return
        state = self.state
        name = f"{rule.name} {event.namespace} {subject}"
        episode = state.episodes.get(name)
        if episode is None:
            make_room(state.episodes, limits.WATCHED_EPISODES_MAX, lambda known: known.seen)
            state.episodes[name] = Episode(state.now, size)
        else:
            over = state.now - episode.seen >= rule["quiet_hours"] * _HOUR
            episode.seen = state.now
            if not over and size < _LARGER * episode.size:
                return
            episode.size = size
        family = f"{rule.name} {event.namespace}"
        raised = state.raised[family] = state.raised.get(family, 0) + 1
        if raised > limits.FINDINGS_PER_HOUR_MAX:
            return
        sentence = rule.say(
            **{
                "action": event.action,
                "object": event.object or "what is not known",
                "principal": event.principal or "nobody known",
                "network": self._networks.of(event.source) or "an unknown address",
                **numbers,
            }
        )
        if raised == limits.FINDINGS_PER_HOUR_MAX:
            sentence += "; more of this kind in this hour are not raised"
        self.found.append(
            Finding(
                rule=rule.name,
                severity=rule.severity,
                namespace=event.namespace,
                subject=subject,
                sentence=sentence,
                evidence=evidence,
            )
        )

    def _burst(self, rule: Rule, namespace: str, subject: str) -> Burst:
        state, window = self.state, rule["window_minutes"]
        step, today = state.now * STEPS // (60 * window), state.hour // 24
        # The window is part of the name: steps of another length cannot be compared.
        name = f"{rule.name}/{window} {namespace} {subject}"
        burst = state.bursts.get(name)
        if burst is None:
            make_room(state.bursts, limits.WATCHED_BURSTS_MAX, lambda known: known.seen)
            burst = state.bursts[name] = Burst(state.hour, step, today)
        burst.seen = state.hour
        burst.turn(step, today)
        return burst
