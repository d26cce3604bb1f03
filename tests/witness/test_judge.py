"""Which status answers which question: as C2SP tlog-witness says, in the order of its steps."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.tlog import notes
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.keys import verifier
from strongroom.witness import exchange, judge
from strongroom.witness.refusals import (
    Conflict,
    Malformed,
    NotConsistent,
    NotSigned,
    Refused,
    UnknownLog,
)
from tests.support.auditing import ORIGIN, log_signer
from tests.support.logs import Log, numbered
from tests.support.witnessing import question

LOG = numbered(300)
FORK = Log([b"otherwise", *LOG.entries[1:]])
LOGS = {ORIGIN: [verifier(log_signer().vkey)]}


def state(size, log=LOG):
    return Checkpoint(ORIGIN, size, log.root(size))


def judged(raw, last=None):
    """None for a yes; else the refusal."""
    asked = exchange.parse(raw)
    try:
        judge.authenticate(asked, LOGS)
        judge.compare(asked, last)
    except Refused as refused:
        return refused
    return None


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 300])
def test_a_log_is_signed_as_it_is_first_seen(size):
    assert judged(question(LOG, 0, size)) is None


@given(st.integers(1, 300), st.integers(0, 300))
def test_a_log_that_grows_is_signed(old, more):
    assert judged(question(LOG, old, min(300, old + more)), state(old)) is None


@given(st.integers(1, 300), st.integers(1, 300))
def test_a_log_with_another_past_is_not_signed(old, more):
    new = min(300, old + more)
    refused = judged(question(FORK, old, new), state(old))
    assert type(refused) is (Conflict if new == old else NotConsistent)


@pytest.mark.parametrize(
    ("raw", "last", "refusal", "status"),
    [
        (question(LOG, 3, 5, origin="another"), state(3), UnknownLog, 404),
        (question(LOG, 3, 5, signers=[log_signer("other")]), state(3), NotSigned, 403),
        (question(LOG, 6, 5), state(6), Malformed, 400),
        (question(LOG, 2, 5), state(3), Conflict, 409),
        (question(LOG, 4, 5), state(3), Conflict, 409),
        (question(LOG, 1, 5), None, Conflict, 409),
        (question(LOG, 0, 5), state(3), Conflict, 409),
        (question(FORK, 3, 3), state(3), Conflict, 409),
        (question(LOG, 3, 5, proof=[]), state(3), NotConsistent, 422),
        (question(LOG, 3, 3, proof=[b"\0" * 32]), state(3), NotConsistent, 422),
        (question(LOG, 0, 5, proof=[b"\0" * 32]), None, NotConsistent, 422),
        (question(FORK, 3, 5), state(3), NotConsistent, 422),
        # Two things are wrong: the earlier step answers.
        (question(LOG, 6, 5, origin="another", signers=[log_signer("x")]), None, UnknownLog, 404),
        (question(LOG, 6, 5, signers=[log_signer("x")]), state(1), NotSigned, 403),
        (question(LOG, 6, 5), state(1), Malformed, 400),
        (question(FORK, 2, 5, proof=[]), state(3), Conflict, 409),
    ],
)
def test_each_refusal_has_its_status(raw, last, refusal, status):
    refused = judged(raw, last)
    assert (type(refused), refused.status) == (refusal, status)


def test_a_conflict_answers_with_the_size():
    refused = judged(question(LOG, 2, 5), state(3))
    assert (refused.body, refused.media_type) == (b"3\n", "text/x.tlog.size")
    assert judged(question(LOG, 1, 5)).body == b"0\n"
    assert judged(question(FORK, 3, 3), state(3)).body == b"3\n"


def test_signatures_of_others_do_not_matter():
    assert judged(question(LOG, 0, 5, signers=[log_signer("x", "another"), log_signer()])) is None


def test_a_wrong_signature_of_a_known_key_is_not_hidden_by_a_right_one():
    right = exchange.parse(question(LOG, 0, 5)).note
    wrong = notes.Signature(ORIGIN, right.signatures[0].key_id, b"\1" * 64)
    note = notes.Note(right.text, (*right.signatures, wrong))
    raw = exchange.Question(0, (), note, state(5)).to_bytes()
    assert type(judged(raw)) is NotSigned


@pytest.mark.parametrize(
    ("raw", "last", "kind"),
    [
        (question(FORK, 3, 3), state(3), "split-view"),
        (question(FORK, 0, 3), state(3), "split-view"),
        (question(LOG, 0, 2), state(3), "rollback"),
        (question(FORK, 3, 5), state(3), "not-a-continuation"),
        (question(LOG, 0, 5), state(3), None),  # it forgot the size, and will be told
        (question(LOG, 0, 3), state(3), None),
    ],
)
def test_what_a_refusal_shows_about_a_log(raw, last, kind):
    refused = judged(raw, last)
    assert judge.suspicion(exchange.parse(raw), last, refused) == kind


# --- words --------------------------------------------------------------------------------------

GOOD = question(LOG, 3, 7)


def test_a_question_is_spelt_in_one_way():
    assert exchange.parse(GOOD).to_bytes() == GOOD


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        GOOD[1:],
        GOOD[:-1],
        GOOD + b"\n",
        GOOD.replace(b"old 3", b"old 03"),
        GOOD.replace(b"old 3", b"old -3"),
        GOOD.replace(b"old 3", b"old +3"),
        GOOD.replace(b"old 3", b"old  3"),
        GOOD.replace(b"old 3", b"old \xd9\xa3"),
        GOOD.replace(b"old 3", b"old 3 "),
        GOOD.replace(b"old 3", b"old " + b"9" * 30),
        GOOD.replace(b"old 3", b"3"),
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"=\n", b"\n", 1),
        GOOD.replace(b"old 3\n", b"old 3\n\n"),
        GOOD.replace(b"old 3\n", b"old 3\nAAAA\n"),
        GOOD.replace(b"\n7\n", b"\n07\n"),
        GOOD.replace(b"\n7\n", b"\n7\n\n"),
        question(LOG, 3, 7, proof=[b"\0" * 32] * 64),
        question(LOG, 3, 7, proof=[b"\0" * 31]),
        b"old 0\n" * 50_000,
        b"x" * (exchange.QUESTION_BYTES_MAX + 1),
    ],
    ids=range(23),
)
def test_what_is_no_question_is_malformed(raw):
    with pytest.raises(Malformed) as refused:
        exchange.parse(raw)
    assert refused.value.status == 400


@given(st.binary(max_size=200) | st.just(GOOD), st.integers(0, 500), st.integers(0, 500))
def test_whatever_is_sent_is_a_question_or_malformed(raw, at, until):
    altered = GOOD[:at] + raw + GOOD[until:]
    with suppress(Malformed):
        assert exchange.parse(altered).to_bytes() == altered


def test_a_proof_of_63_hashes_is_read():
    raw = question(LOG, 3, 7, proof=[b"\0" * 32] * 63)
    assert len(exchange.parse(raw).proof) == 63
