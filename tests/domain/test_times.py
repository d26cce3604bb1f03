"""Times as text: what is read is what was written, to the microsecond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.domain import limits
from strongroom.domain.times import DAY_US, microseconds, rfc3339, rfc3339_or_empty

YEAR_1971, YEAR_9899 = 31_536_000_000_000, 250_215_091_200_000_000


@given(st.integers(YEAR_1971, YEAR_9899))
def test_a_time_that_is_written_and_read_is_the_same(time_us):
    assert microseconds(rfc3339(time_us)) == time_us


@pytest.mark.parametrize("time_us", [2_179_996_581_225_003, 2_224_102_732_588_731])
def test_no_microsecond_is_lost_where_a_float_would_lose_it(time_us):
    assert microseconds(rfc3339(time_us)) == time_us


def test_zones_are_taken_into_account():
    assert microseconds("2026-01-31T12:00:00.000001Z") == microseconds(
        "2026-01-31T14:30:00.000001+02:30"
    )


def test_nothing_is_never():
    assert microseconds("") == 0
    assert rfc3339_or_empty(0) == ""


@pytest.mark.parametrize(
    "text",
    ["2026-01-31T12:00:00", "2026-01-31", "1970-06-01T00:00:00Z", "9900-01-01T00:00:00Z", "soon",
     "2026-02-30T00:00:00Z", "2026-01-31T25:00:00Z", "\u0662026-01-31T12:00:00Z",
     "2026-01-31T23:59:60Z", "2026-W05-6T12:00:00Z", "20260131T120000Z", "2026-01-31T12:00Z",
     "2026-01-31x12:00:00Z", "2026-01-31T12:00:00+01:00:00.5", "2026-01-31T12:00:00Z\n"],
)  # fmt: skip
def test_what_is_no_time_with_its_zone_is_refused(text):
    with pytest.raises(ValueError, match="RFC 3339"):
        microseconds(text)


def test_the_last_rotation_after_the_last_time_is_still_a_time():
    last = microseconds("9899-12-31T23:59:59.999999-23:59")
    assert rfc3339(last + limits.ROTATION_DAYS_MAX * DAY_US).startswith("9909-12-")


@pytest.mark.parametrize(
    "text", ["2026-01-31t12:00:00z", "2026-01-31 12:00:00Z", "2026-01-31T12:00:00.000000999Z"]
)
def test_other_spellings_of_rfc_3339_are_read(text):
    assert microseconds(text) == microseconds("2026-01-31T12:00:00Z")
