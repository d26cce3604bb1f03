"""Tables that must be complete."""

import importlib

import pytest

from strongroom.domain import errors
from strongroom.node.metrics import HELP
from tests.support.tree import SOURCE, modules, name

DOORS = sorted(path.parent.name for path in SOURCE.glob("doors/*/errors.py"))


def leaves(refusal: type[errors.Refusal]) -> set[type[errors.Refusal]]:
    """Those of the domain that nobody refines; a door's own are the door's business."""
    own = [sub for sub in refusal.__subclasses__() if sub.__module__ == errors.__name__]
    return set().union(*map(leaves, own)) if own else {refusal}


def test_the_list_of_refusals_is_the_tree_of_refusals():
    assert set(errors.REFUSALS) == leaves(errors.Refusal)


def test_each_refusal_is_drawn_in_the_tree_and_has_a_code_of_its_own():
    for refusal in errors.REFUSALS:
        assert f"── {refusal.__name__} " in (errors.__doc__ or "")
    assert len({refusal.code for refusal in errors.REFUSALS}) == len(errors.REFUSALS)


def test_there_are_doors():
    assert "rest" in DOORS


@pytest.mark.parametrize("door", DOORS)
def test_a_door_has_a_status_for_every_refusal_and_for_nothing_else(door):
    table = importlib.import_module(f"strongroom.doors.{door}.errors")
    own = {refusal.code for refusal in getattr(table, "OWN", ())}
    assert set(table.STATUSES) == {refusal.code for refusal in errors.REFUSALS} | own


@pytest.mark.parametrize("metric", HELP)
def test_a_metric_that_is_described_is_counted_somewhere(metric):
    users = [
        name(path)
        for path in modules()
        if name(path) != "node/metrics.py" and f'"{metric}"' in path.read_text()
    ]
    assert users
