"""The door's table, its model, and the page about both."""

import importlib.util

import pytest

from strongroom.domain import limits
from strongroom.domain.algorithms import ALGORITHMS
from strongroom.domain.iam.specs import SPECS, purpose_of, spec_of, usage_of
from strongroom.doors.aws.model import MODEL
from strongroom.doors.aws.table import TABLE
from tests.support.tree import ROOT


def tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def largest(name):
    """The characters of a shape's largest JSON that is within its bounds and ours.

    Each character of a text is escaped. What the model does not bound, we do: a context has so many
    bytes, a key so many tags, and a list of enumerated values each of them once.
    """
    shape = MODEL.shapes[name]
    match shape.type:
        case "string":
            most = max(map(len, shape.enum), default=0) or shape.max
            return 2 + (most if shape.enum else most * 6)
        case "blob":
            return 2 + (shape.max + 2) // 3 * 4
        case "structure":
            members = shape.members.items()
            return 2 + sum(len(member) + 4 + largest(kind) for member, kind in members)
        case "list":
            several = len(MODEL.shapes[shape.member].enum) or limits.LABELS_MAX
            return 2 + (shape.max or several) * (largest(shape.member) + 1)
        case "map":
            return 2 + limits.CONTEXT_BYTES_MAX * 6 + limits.CONTEXT_PAIRS_MAX * 6
        case _:
            return 24


def test_the_largest_body_that_the_model_allows_is_taken_and_hardly_more():
    bodies = {op.input for op in MODEL.operations.values() if op.input}
    most = max(map(largest, bodies))
    assert limits.AWS_BODY_BYTES_MAX // 2 < most <= limits.AWS_BODY_BYTES_MAX


def test_every_operation_of_the_model_has_its_row():
    assert TABLE.keys() == MODEL.operations.keys()
    assert list(TABLE) == sorted(TABLE)


def test_what_is_not_served_says_why():
    assert all(row.note for row in TABLE.values() if row.serve is None)


def test_the_page_is_what_the_program_writes():
    reference = tool("aws_reference")
    page = reference.PAGE.read_text()
    assert page == reference.written(page), "run: python tools/aws_reference.py"


def test_every_spec_is_one_of_the_models_and_of_ours():
    assert SPECS.keys() <= set(MODEL.shapes["KeySpec"].enum)
    for name, spec in SPECS.items():
        assert spec_of(spec.algorithm) == name
        for usage in spec.usages:
            purpose = purpose_of(spec.algorithm, usage)
            assert purpose in ALGORITHMS[spec.algorithm].schemes
            assert usage_of(purpose) == usage


@pytest.mark.parametrize(
    ("shape", "usage"),
    [("EncryptionAlgorithmSpec", "ENCRYPT_DECRYPT"), ("SigningAlgorithmSpec", "SIGN_VERIFY"),
     ("MacAlgorithmSpec", "GENERATE_VERIFY_MAC")],
)  # fmt: skip
def test_all_algorithms_of_the_model_are_served_but_chinas(shape, usage):
    ours = {one for spec in SPECS.values() for one in spec.usages.get(usage, ())}
    assert set(MODEL.shapes[shape].enum) - ours <= {"SM2PKE", "SM2DSA"}
