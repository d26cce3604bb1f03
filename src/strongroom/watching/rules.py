"""The rules, as data: what counts as suspicious, from which numbers on, and how it is said.

`docs/operate/suspicious-use.md` shows this table. A configuration may move a threshold within its
bounds, change a severity, or turn a rule off; it cannot invent rules.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from strongroom.domain.findings import Severity


class RuleRefused(ValueError):  # noqa: N818 - it says what is the case
    """The configuration asks for what no rule has. The text names it, and what there is."""


class Threshold(msgspec.Struct, frozen=True):
    """A number that can be moved between `least` and `most`."""

    value: int
    unit: str
    least: int
    most: int
    meaning: str


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `sentence` is a finding's, with the numbers to be filled in."""

    name: str
    severity: Severity
    watches: str
    sentence: str
    thresholds: dict[str, Threshold]
    on: bool = True

    def __getitem__(self, name: str) -> int:
        """The threshold's value."""
        return self.thresholds[name].value

    def say(self, **numbers: str | int) -> str:
        """What a finding says: what was seen, and where the thresholds are."""
        values = {name: threshold.value for name, threshold in self.thresholds.items()}
        return self.sentence.format(**{**values, **numbers})


Rules = Mapping[str, Rule]


def _learning(days: int, of: str) -> Threshold:
    return Threshold(days, "days", 1, 90, f"age of {of} before the rule says anything")


def _quiet(hours: int = 24) -> Threshold:
    return Threshold(hours, "hours", 1, 720, "without it, until the same is raised again")


def _window(minutes: int) -> Threshold:
    return Threshold(minutes, "minutes", 1, 10_080, "in which they are counted")


def _factor(value: int, of: str) -> Threshold:
    return Threshold(value, "times", 2, 1_000, f"more than {of}")


def _least(value: int, unit: str, meaning: str = "fewer are never raised") -> Threshold:
    return Threshold(value, unit, 1, 1_000_000_000, meaning)


_USUAL: Final = "is usual: the second highest count of the 28 days before"

_TABLE: Final = (
    Rule(
        name="clock-leap",
        severity=Severity.MEDIUM,
        watches="The entries' time leaps. What was learned no longer fits: it is learned anew.",
        sentence=(
            "The log's time went from {before} to {after}; what is usual is learned anew"
            " (threshold: {back_hours} hours back, {ahead_days} days ahead)"
        ),
        thresholds={
            "back_hours": Threshold(24, "hours", 1, 720, "that time may go back"),
            "ahead_days": Threshold(28, "days", 1, 365, "that may pass without an entry"),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="first-use-by-principal",
        severity=Severity.MEDIUM,
        watches="A principal uses a key that it did not use before, and others did.",
        sentence=(
            "{principal} used {key} for the first time, from {network}; the key's users are known"
            " for {age} days, and are {known} (threshold: {learning_days} days, {uses_min} uses)"
        ),
        thresholds={
            "learning_days": _learning(7, "the key's first use"),
            "uses_min": _least(50, "uses", "of the key before the rule says anything"),
            "users_max": Threshold(
                100, "principals", 1, 256, "a key that more have used is everybody's: nothing said"
            ),
            "forget_days": Threshold(
                90, "days", 7, 720, "without a use, until it is a first again"
            ),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="first-use-from-network",
        severity=Severity.MEDIUM,
        watches="A key is used from a network (/24, /48) from which it was not used before.",
        sentence=(
            "{key} was used from {network} for the first time, by {principal}; its networks are"
            " known for {age} days, and are {known} (threshold: {learning_days} days,"
            " {uses_min} uses)"
        ),
        thresholds={
            "learning_days": _learning(7, "the key's first use"),
            "uses_min": _least(50, "uses", "of the key before the rule says anything"),
            "networks_max": Threshold(
                24, "networks", 1, 256, "a key used from more is used from anywhere: nothing said"
            ),
            "forget_days": Threshold(
                90, "days", 7, 720, "without a use, until it is a first again"
            ),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="decrypt-rate",
        severity=Severity.HIGH,
        watches=(
            "A key decrypts, unwraps, decapsulates or agrees within an hour far more often than it"
            " did at that hour."
        ),
        sentence=(
            "{key} decrypted {count} times within the hour until {until} UTC, last for {principal}"
            " from {network}; from its history, up to {bound} would be no surprise (threshold:"
            " {factor} times the usual, at least {at_least})"
        ),
        thresholds={
            "at_least": _least(200, "uses"),
            "factor": _factor(5, "the median of that hour, on workdays or at weekends"),
            "learning_days": _learning(7, "the key's first decryption"),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="bulk-decrypt",
        severity=Severity.HIGH,
        watches="A principal decrypts very many items by batches.",
        sentence=(
            "{principal} decrypted {count} items by batches within {window_minutes} minutes, last"
            " {object} from {network} (threshold: {limit}, for {usual} are usual)"
        ),
        thresholds={
            "at_least": _least(2_000, "items"),
            "factor": _factor(3, _USUAL),
            "window_minutes": _window(60),
            "learning_days": _learning(7, "the namespace"),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="refusals-of-principal",
        severity=Severity.MEDIUM,
        watches="A principal is refused again and again: not allowed, not found, bad ciphertexts.",
        sentence=(
            "{principal} was refused {count} times within {window_minutes} minutes, last"
            " {action} of {object} from {network}: {reason} (threshold: {limit}, for {usual} are"
            " usual)"
        ),
        thresholds={
            "at_least": _least(20, "refusals"),
            "factor": _factor(3, _USUAL),
            "window_minutes": _window(10),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="refusals-from-network",
        severity=Severity.MEDIUM,
        watches="From a network comes one call after the other that proves no identity.",
        sentence=(
            "{count} calls from {network} were refused within {window_minutes} minutes for want"
            " of valid credentials (threshold: {limit}, for {usual} are usual)"
        ),
        thresholds={
            "at_least": _least(50, "refusals"),
            "factor": _factor(3, _USUAL),
            "window_minutes": _window(10),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="unusual-hour",
        severity=Severity.LOW,
        watches="A principal that keeps hours is at work at others, or at a weekend.",
        sentence=(
            "{principal} is at work in the hour from {hour} UTC, from {network}; on {days} days"
            " before, it was not {kind} (threshold: {days_min} days, {margin_hours} hours beside"
            " the usual, {at_least} entries)"
        ),
        thresholds={
            "days_min": Threshold(
                10, "days", 3, 28, "with an entry, before the rule says anything"
            ),
            "margin_hours": Threshold(2, "hours", 0, 6, "around a usual hour that are usual, too"),
            "weekend_days_min": Threshold(
                4, "days", 2, 28, "weekend days without an entry that make a weekend unusual"
            ),
            "at_least": _least(3, "entries"),
            "quiet_hours": _quiet(12),
        },
    ),
    Rule(
        name="use-near-destruction",
        severity=Severity.MEDIUM,
        watches="Somebody still asks for a key that is destroyed, or scheduled for it.",
        sentence=(
            "{principal} was refused {action} of {object}, which is {state}, from {network}"
            " (threshold: {at_least})"
        ),
        thresholds={
            "at_least": _least(1, "refusals"),
            "window_minutes": _window(1_440),
            "quiet_hours": _quiet(72),
        },
    ),
    Rule(
        name="destruction-in-use",
        severity=Severity.HIGH,
        watches="A key that is in use is scheduled for destruction.",
        sentence=(
            "{principal} scheduled {key} for destruction, which was last used {days} days ago and"
            " {uses} times in all (threshold: {used_days} days, {uses_min} uses)"
        ),
        thresholds={
            "used_days": Threshold(3, "days", 1, 90, "since its last use, at most"),
            "uses_min": _least(20, "uses", "of the key, at least"),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="many-keys-stopped",
        severity=Severity.HIGH,
        watches=(
            "A principal disables, deactivates, marks as compromised or schedules for destruction"
            " one key after the other."
        ),
        sentence=(
            "{principal} stopped {count} keys within {window_minutes} minutes, last {object} by"
            " {action} (threshold: {limit}, for {usual} are usual)"
        ),
        thresholds={
            "at_least": _least(4, "keys"),
            "factor": _factor(3, _USUAL),
            "window_minutes": _window(60),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="many-exports",
        severity=Severity.HIGH,
        watches="A principal exports or backs up one key after the other.",
        sentence=(
            "{principal} took out {count} keys within {window_minutes} minutes, last {object} by"
            " {action} from {network} (threshold: {limit}, for {usual} are usual)"
        ),
        thresholds={
            "at_least": _least(4, "keys"),
            "factor": _factor(2, _USUAL),
            "window_minutes": _window(1_440),
            "learning_days": _learning(7, "the namespace"),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="otp-failures",
        severity=Severity.HIGH,
        watches="One-time passwords of many users fail from one network.",
        sentence=(
            "{count} one-time passwords of {objects} users failed from {network} within"
            " {window_minutes} minutes (threshold: {limit} of {objects_min} users, for {usual} are"
            " usual)"
        ),
        thresholds={
            "at_least": _least(30, "failures"),
            "objects_min": Threshold(10, "users", 1, 100, "at least so many of them"),
            "factor": _factor(4, _USUAL),
            "window_minutes": _window(10),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="otp-guesses",
        severity=Severity.HIGH,
        watches=(
            "One-time passwords of many credentials are refused for one caller, from wherever its"
            " users come: somebody guesses, or tries what was stolen."
        ),
        sentence=(
            "{count} one-time passwords of {objects} credentials were refused for {principal}"
            " within {window_minutes} minutes, last by {action} from {network}: {why} (threshold:"
            " {limit} of {objects_min} credentials, for {usual} are usual)"
        ),
        thresholds={
            "at_least": _least(100, "codes"),
            "objects_min": Threshold(25, "credentials", 1, 100, "at least so many of them"),
            "factor": _factor(4, _USUAL),
            "window_minutes": _window(10),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="otp-secrets",
        severity=Severity.HIGH,
        watches="A principal has codes computed, or secrets of credentials exported.",
        sentence=(
            "{principal} took {count} codes or secrets of credentials within {window_minutes}"
            " minutes, last by {action} from {network} (threshold: {limit}, for {usual} are usual)"
        ),
        thresholds={
            "at_least": _least(1, "codes or secrets"),
            "factor": _factor(3, _USUAL),
            "window_minutes": _window(1_440),
            "quiet_hours": _quiet(),
        },
    ),
    Rule(
        name="disabled-principal",
        severity=Severity.HIGH,
        watches="A principal that was disabled goes on trying.",
        sentence=(
            "{owner}, which is disabled, tried {count} times within {window_minutes} minutes,"
            " last {action} from {network} (threshold: {limit})"
        ),
        thresholds={
            "at_least": _least(3, "tries"),
            "window_minutes": _window(1_440),
            "quiet_hours": _quiet(72),
        },
    ),
    Rule(
        name="revoked-token",
        severity=Severity.MEDIUM,
        watches="Somebody goes on trying with a token that was revoked.",
        sentence=(
            "Token {token} of {owner}, which is revoked, was shown {count} times within"
            " {window_minutes} minutes, last for {action} from {network} (threshold: {limit})"
        ),
        thresholds={
            "at_least": _least(5, "tries"),
            "window_minutes": _window(1_440),
            "quiet_hours": _quiet(72),
        },
    ),
)

RULES: Final[Rules] = {rule.name: rule for rule in _TABLE}


def configured(settings: Mapping[str, Mapping[str, object]]) -> dict[str, Rule]:
    """The rules with a configuration's changes: a threshold's number, `severity`, or `on = false`.

    Raises `RuleRefused` for a rule or threshold that there is not, and a number out of bounds.
    """
    rules = dict(RULES)
    for name, changes in settings.items():
        if name not in rules:
            raise RuleRefused(f"there is no rule {name!r}; the rules are {', '.join(RULES)}")
        rule = rules[name]
        for field, value in changes.items():
            rule = _changed(rule, field, value)
        rules[name] = rule
    return rules


def _changed(rule: Rule, field: str, value: object) -> Rule:
    replace = msgspec.structs.replace
    if field == "on":
        if not isinstance(value, bool):
            raise RuleRefused(f"{rule.name}.on is true or false")
        return replace(rule, on=value)
    if field == "severity":
        if value not in list(Severity):
            raise RuleRefused(f"{rule.name}.severity is one of {', '.join(Severity)}")
        return replace(rule, severity=Severity(str(value)))
    threshold = rule.thresholds.get(field)
    if threshold is None:
        known = ", ".join(("on", "severity", *rule.thresholds))
        raise RuleRefused(f"{rule.name} has no {field!r}; it has {known}")
    # bool is an int to Python, and no number to people.
    if isinstance(value, bool) or not isinstance(value, int):
        raise RuleRefused(f"{rule.name}.{field} is a number of {threshold.unit}")
    if not threshold.least <= value <= threshold.most:
        raise RuleRefused(
            f"{rule.name}.{field} is {threshold.least} to {threshold.most} {threshold.unit}"
        )
    return replace(rule, thresholds={**rule.thresholds, field: replace(threshold, value=value)})
