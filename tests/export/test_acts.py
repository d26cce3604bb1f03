"""Every action that the server writes down means something to those who watch."""

import pytest

from strongroom.domain.errors import TamperedRecord
from strongroom.domain.events import USES
from strongroom.domain.operations import DEEDS, OPERATIONS
from strongroom.export import cef, ocsf
from strongroom.export.acts import ACTS, Activity, Weight, activity, weight
from strongroom.export.cloudtrail import event_name
from tests.support.entries import simple


def test_every_operation_and_every_deed_has_its_row_and_no_other_action_has():
    assert set(ACTS) == set(OPERATIONS) | set(DEEDS)


def test_what_uses_material_is_a_use_and_nothing_else_is():
    codes = {"verify", "verify-user", "resync", "challenge", "compute"}
    uses = {action for action, act in ACTS.items() if act.activity is Activity.USE}
    assert uses == USES | {f"otp.{what}" for what in codes}


def test_no_two_actions_have_one_name_in_cloudtrail():
    assert len({event_name(action) for action in ACTS}) == len(ACTS)


@pytest.mark.parametrize("severities", [cef.SEVERITIES, ocsf.SEVERITIES])
def test_what_matters_more_is_never_shown_as_less(severities):
    assert [severities[weight] for weight in Weight] == sorted(severities.values())
    assert set(severities) == set(Weight)


def test_each_activity_has_a_number_in_ocsf():
    assert set(ocsf.ACTIVITIES) == set(Activity)


def test_a_use_is_informational_and_the_same_use_refused_is_not():
    assert weight(simple().event) is Weight.INFORMATIONAL
    assert weight(simple(outcome="refused", reason="not-allowed").event) is Weight.MEDIUM


def test_a_refused_destruction_weighs_less_than_one_that_is_under_way():
    action = "key.schedule-destruction"
    refused = simple(action=action, outcome="refused", reason="not-allowed")
    assert weight(refused.event) < weight(simple(action=action).event)


def test_a_row_that_was_edited_weighs_most():
    refused = simple(outcome="refused", reason=TamperedRecord.code)
    assert weight(refused.event) is Weight.CRITICAL


def test_an_action_of_a_later_release_is_shown_as_a_change():
    event = simple(action="key.teleport").event
    assert (activity(event), weight(event)) == (Activity.UPDATE, Weight.MEDIUM)
