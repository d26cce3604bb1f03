"""Rhythms, bursts, hours and networks: the arithmetic below the rules."""

import pytest

from strongroom.domain.findings import EVIDENCE_MAX, Evidence
from strongroom.watching.bursts import Burst
from strongroom.watching.hours import Hours
from strongroom.watching.networks import Networks
from strongroom.watching.rhythm import STEPS, Rhythm, count_of, is_weekend, loudness

DAY = 24
FACTOR = 5


def bound(rhythm, at_least=1):
    return rhythm.bound_now(factor=FACTOR, at_least=at_least)


def rhythm(days, by_hour):
    """A rhythm of that many days, Thursday 1 January 1970 first, at hour 0 of the next."""
    made = Rhythm.begin(0)
    for hour in range(days * DAY):
        made.add(hour * STEPS, by_hour(hour))
    return later(made, 1)


def later(made, hours):
    """At the hour that is so much later."""
    made.add((made.hour + hours) * STEPS, 0)
    return made


# --- rhythm ---------------------------------------------------------------------------------------


def test_loudness_and_count_are_each_others_opposites_within_a_step():
    for count in (0, 1, 2, 10, 100, 5_000, 1_000_000, 2**31):
        assert count <= count_of(loudness(count)) * 1.05 + 1
        assert count_of(loudness(count)) <= count * 1.1 + 1


def test_loudness_ends_somewhere():
    assert loudness(10**12) == 255


def test_days_are_weekends_as_in_the_calendar():
    # 1 January 1970 was a Thursday.
    assert [is_weekend(day) for day in range(7)] == [False, False, True, True, False, False, False]


def test_five_times_the_usual_is_no_surprise_and_more_is():
    at = bound(rhythm(21, lambda hour: 100))
    assert 450 <= at <= 600


def test_an_hour_is_compared_with_itself_and_not_with_the_day():
    night = rhythm(21, lambda hour: 1000 if 8 <= hour % DAY <= 18 else 10)
    assert bound(night) < 100
    assert bound(later(night, 12)) > 4_000


def test_weekends_are_compared_with_weekends():
    made = rhythm(23, lambda hour: 10 if is_weekend(hour // DAY) else 1000)
    assert is_weekend(made.hour // DAY)
    assert bound(later(made, 12)) < 100


def test_one_wild_day_does_not_move_the_bound():
    calm = bound(rhythm(20, lambda hour: 100))
    wild = bound(rhythm(20, lambda hour: 100_000 if hour // DAY == 7 else 100))
    assert wild <= calm * 1.1


def test_a_weekly_job_is_excused_by_last_weeks():
    made = rhythm(21, lambda hour: 5_000 if hour % 168 == 0 else 10)
    assert 5_000 < bound(made) < 10_000
    assert bound(later(made, 5 * DAY)) < 100


def test_a_key_without_a_rhythm_is_compared_with_its_own_bursts():
    made = rhythm(28, lambda hour: 800 if hour in {35, 250, 512} else 0)
    assert 3_500 < bound(later(made, 7)) < 5_000


def test_one_burst_of_a_key_without_a_rhythm_excuses_nothing():
    made = rhythm(28, lambda hour: 800 if hour == 250 else 0)
    assert bound(later(made, 7)) < 10


def test_what_is_beyond_the_bound_teaches_only_the_bound():
    made = rhythm(21, lambda hour: 100)
    at = bound(made)
    made.add(made.step, 1_000_000)
    assert bound(later(made, 168)) < 2 * at


def test_a_bound_is_never_below_the_least():
    assert bound(rhythm(21, lambda hour: 1), at_least=200) == 200


def test_what_was_four_weeks_ago_is_forgotten():
    made = rhythm(14, lambda hour: 1_000)
    assert bound(later(made, 40 * DAY)) < 10
    assert not any(made.ring)


def test_time_that_goes_back_counts_in_the_hour_that_is():
    made = Rhythm.begin(600)
    made.add(600, 5)
    assert made.add(599, 5) == 10
    assert (made.step, made.hour) == (600, 100)


def test_what_straddles_the_hour_is_counted_together():
    made = Rhythm.begin(0)
    assert [made.add(step, 100) for step in range(3, 9)] == [100, 200, 300, 400, 500, 600]
    assert made.add(9, 100) == 600
    assert made.add(20, 100) == 100


# --- bursts ---------------------------------------------------------------------------------------


def seen(position):
    return Evidence(position, "00", "")


def test_a_window_slides():
    burst = Burst(0, 0, 0)
    counts = []
    for step in range(20):
        burst.turn(step, 0)
        burst.add(1, "", seen(step))
        counts.append(burst.count)
    assert counts == [*range(1, 11), *[10] * 10]


def test_after_a_pause_nothing_is_left():
    burst = Burst(0, 0, 0)
    burst.add(5, "one", seen(0))
    burst.turn(10, 0)
    assert (burst.count, burst.named, burst.evidence) == (0, {}, [])


def test_names_leave_with_their_last_step():
    burst = Burst(0, 0, 0)
    burst.add(1, "one", seen(0))
    burst.turn(5, 0)
    burst.add(1, "two", seen(1))
    burst.turn(10, 0)
    assert list(burst.named) == ["two"]


def test_names_and_evidence_are_bounded():
    burst = Burst(0, 0, 0)
    for number in range(1_000):
        burst.add(1, f"u{number}", seen(number))
    assert len(burst.named) == 128
    assert [one.position for one in burst.evidence] == list(range(1_000 - EVIDENCE_MAX, 1_000))


def test_usual_is_the_second_highest_of_the_days_before():
    burst = Burst(0, 0, 0)
    for day, count in enumerate([5, 900, 40, 7]):
        burst.turn(day * 144, day)
        burst.teach(count)
    burst.turn(4 * 144, 4)
    assert 38 <= burst.usual <= 42


def test_today_is_not_its_own_excuse():
    burst = Burst(0, 0, 0)
    burst.teach(100)
    burst.teach(90)
    assert burst.usual == 0


def test_days_long_past_are_not_usual():
    burst = Burst(0, 0, 0)
    for day in range(3):
        burst.turn(day, day)
        burst.teach(100)
    burst.turn(40, 40)
    assert burst.usual == 0


def test_steps_and_days_that_go_back_change_nothing():
    burst = Burst(0, 50, 5)
    burst.add(3, "", seen(0))
    burst.turn(40, 4)
    assert (burst.count, burst.step, burst.day) == (3, 50, 5)


# --- hours ----------------------------------------------------------------------------------------


def turn(hours, day, hour):
    hours.turn(day * DAY + hour, days_min=10, margin=2, weekend_days_min=4)
    return hours.odd == 0


def workdays(count, hour):
    """Hours of that many workdays, from Thursday 1 January 1970; the next day, too."""
    hours, day, done = Hours(0), 0, 0
    while done < count:
        if not is_weekend(day):
            assert not turn(hours, day, hour)
            done += 1
        day += 1
    return hours, day


@pytest.mark.parametrize(("hour", "unusual"), [(10, False), (8, False), (12, False), (13, True)])
def test_an_hour_near_ones_own_is_usual(hour, unusual):
    hours, day = workdays(10, 10)
    assert turn(hours, day, hour) is unusual


def test_hours_are_next_to_each_other_across_midnight():
    hours, day = workdays(10, 23)
    assert not turn(hours, day, 1)


def test_nothing_is_unusual_before_there_are_days_enough():
    hours, day = workdays(9, 10)
    assert not turn(hours, day, 3)


def test_an_hour_becomes_ones_own_when_it_was_met_on_two_days():
    hours, day = workdays(10, 10)
    assert turn(hours, 18, 3)
    assert turn(hours, 19, 3)
    assert not turn(hours, 20, 3)
    assert day < 18


def test_a_weekend_is_unusual_for_who_never_worked_at_one():
    hours, _ = workdays(12, 10)
    assert turn(hours, 16, 10)
    assert turn(hours, 16, 11)  # the same day does not excuse itself


def test_a_weekend_is_usual_for_who_did():
    hours = Hours(0)
    for day in range(16):
        assert not turn(hours, day, 10)
    assert not turn(hours, 16, 10)


def test_what_was_long_ago_counts_less():
    hours = Hours(0)
    for day in range(201):
        turn(hours, day, 10)
    assert hours.days == 100
    assert hours.by_hour[10] == 100


# --- networks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("10.1.2.3", "10.1.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:10.1.2.3", "10.1.2.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("hmac:0011", "hmac:0011"),
        ("", ""),
        ("10.1.2", "10.1.2"),
        ("300.1.1.1", "300.1.1.1"),
    ],
)
def test_an_address_belongs_to_a_network(source, network):
    assert Networks().of(source) == network


def test_addresses_that_are_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr("strongroom.domain.limits.WATCHED_NETWORKS_MAX", 10)
    networks = Networks()
    for number in range(100):
        networks.of(f"10.0.0.{number}")
    assert len(networks._known) <= 10
