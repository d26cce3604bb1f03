"""A witness over HTTP: what is asked, byte for byte, and what each answer means."""

import pytest

from strongroom.adapters.witnesses import HTTPWitness
from strongroom.ports.witnesses import (
    Cosigned,
    Inconsistent,
    Knows,
    WitnessFailed,
    WitnessSettings,
)
from tests.support.certificates import write_certificate
from tests.support.receivers import Webhook, server_context


@pytest.fixture
def receiver():
    with Webhook() as running:
        yield running


def asked(receiver, answer, *, old=0, proof=()):
    receiver.answers = [answer]
    witness = HTTPWitness(WitnessSettings(url=f"{receiver.url}/w/", key=""))
    try:
        return witness.ask(old, proof, b"checkpoint\n")
    finally:
        witness.close()


def test_question_is_the_one_of_the_specification(receiver):
    answer = asked(receiver, (200, "— w abcd\n".encode()), old=17, proof=(bytes(32), b"\xff" * 32))
    assert answer == Cosigned("— w abcd\n")
    ((path, _, body),) = receiver.seen
    assert path == "/w/add-checkpoint"
    assert body == (
        b"old 17\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
        b"//////////////////////////////////////////8=\n\ncheckpoint\n"
    )


def test_question_without_a_proof_has_an_empty_line(receiver):
    asked(receiver, (200, b"x\n"))
    assert receiver.seen[0][2] == b"old 0\n\ncheckpoint\n"


def test_other_size_is_told(receiver):
    assert asked(receiver, (409, b"12\n")) == Knows(12)
    assert asked(receiver, (409, b"0\n")) == Knows(0)


def test_proof_that_does_not_lead_there_is_told(receiver):
    assert asked(receiver, (422, b"no\n")) == Inconsistent()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((403, b""), "does not know the key"),
        ((404, b""), "does not know this log"),
        ((500, b""), "status 500"),
        ((302, b""), "status 302"),
        ((204, b""), "status 204"),
        ((200, b"\xff"), "not a signature"),
        *(
            ((409, body), "not a size")
            for body in (b"", b"12", b"012\n", b"-1\n", b"1 \n", b"1\n\n", b"9" * 17 + b"\n",
                         "\u0663\n".encode(), b"conflict\n")
        ),
    ],
)  # fmt: skip
def test_any_other_answer_is_a_failure(receiver, answer, said):
    with pytest.raises(WitnessFailed, match=said):
        asked(receiver, answer)


def test_somebody_in_the_witness_place_is_not_asked(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_certificate(tmp_path)
    write_certificate(other)
    with Webhook(server_context(other)) as impostor:
        settings = WitnessSettings(url=impostor.url, key="", tls_ca=str(tmp_path / "chain.pem"))
        with pytest.raises(WitnessFailed, match="certificate is not valid"):
            HTTPWitness(settings).ask(0, (), b"checkpoint\n")
        assert not impostor.seen
