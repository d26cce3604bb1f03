"""A month with attacks in it: each is found, and hardly anything else."""

import pytest

from strongroom.domain.times import microseconds
from strongroom.watching import RULES, Watcher
from tests.support.month import DAYS
from tests.support.months_bank import bank
from tests.support.months_small import batches, shop


def watched(entries, watcher=None):
    watcher = watcher or Watcher()
    return [found for entry in entries for found in watcher.feed(*entry)]


@pytest.fixture(scope="module")
def entries():
    """Of a bank's month; making them takes longer than watching them."""
    return list(bank(7).entries())


def belongs(finding, planted):
    """Whether the finding is about who has a part in the attack, while it goes on."""
    return (
        finding.subject in {planted.subject, *planted.others}
        and planted.begins_us <= microseconds(finding.last) <= planted.ends_us
    )


def missed(found, month):
    return [
        planted.kind
        for planted in month.planted
        if not any(
            finding.rule == planted.rule
            and finding.subject == planted.subject
            and belongs(finding, planted)
            for finding in found
        )
    ]


def false(found, month):
    return [
        (finding.last, finding.sentence)
        for finding in found
        if not any(belongs(finding, planted) for planted in month.planted)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_every_attack_on_the_bank_is_found_and_false_alarms_are_fewer_than_days(seed):
    month = bank(seed)
    found = watched(month.entries())
    assert len(month.planted) == 20
    assert missed(found, month) == []
    assert len(false(found, month)) <= DAYS // 2


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("make", [shop, batches])
def test_every_attack_on_the_small_is_found_and_false_alarms_are_few(make, seed):
    month = make(seed)
    found = watched(month.entries())
    assert missed(found, month) == []
    assert len(false(found, month)) <= DAYS // 5


def test_each_rule_but_that_of_time_is_planted():
    months = [bank(0), shop(0), batches(0)]
    planted = {one.rule for month in months for one in month.planted}
    assert planted == set(RULES) - {"clock-leap"}


def test_a_month_without_attacks_is_quiet(monkeypatch):
    monkeypatch.setattr("tests.support.months_bank.ATTACKS", ())
    month = bank(7)
    assert month.planted == []
    assert len(watched(month.entries())) <= DAYS // 2


def test_each_finding_names_entries_of_its_namespace_that_are_there(entries):
    for finding in watched(entries):
        assert finding.namespace == "bank"
        assert finding.evidence
        assert finding.first <= finding.last
        for evidence in finding.evidence:
            _, entry = entries[evidence.position]
            assert (entry.request, entry.time) == (evidence.request, evidence.time)


def test_a_watcher_that_was_stopped_and_restored_finds_the_same(entries):
    whole = [finding.id for finding in watched(entries)]
    parts, watcher, size = [], Watcher(), len(entries) // 7 + 1
    for first in range(0, len(entries), size):
        parts += [finding.id for finding in watched(entries[first : first + size], watcher)]
        watcher = Watcher.restore(watcher.state())
    assert parts == whole
    assert len(set(whole)) == len(whole)


def test_entries_that_are_read_twice_make_the_same_findings_again(entries):
    """A courier that ends before its cursor is kept begins again at an older state."""
    watcher = Watcher()
    half = len(entries) * 3 // 4
    watched(entries[:half], watcher)
    kept = watcher.state()
    first = [finding.id for finding in watched(entries[half:], watcher)]
    assert first
    assert [finding.id for finding in watched(entries[half:], Watcher.restore(kept))] == first
