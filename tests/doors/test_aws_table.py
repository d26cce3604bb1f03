"""The door's table, its model, and the page about both."""

import importlib.util

import pytest

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
