"""A code is accepted once, whatever happens to the clock, the process or its spelling."""

import pytest

from strongroom.domain.otp.credential import Type
from strongroom.ports.store import StoreUnavailable
from tests.support.otp import SECRET, STEP_US, hotp
from tests.support.stores import copied


def test_a_right_code_is_right_once(bank):
    name = bank.credential()
    code = bank.code()
    assert bank.why(name, code) == ""
    assert bank.why(name, code) == "replayed"


def test_neither_in_the_next_step(bank):
    name = bank.credential()
    code = bank.code()
    assert bank.verify(name, code)
    bank.pass_(30)
    assert bank.why(name, code) == "replayed"
    bank.pass_(30)
    assert bank.why(name, code) in ("replayed", "wrong-code")


def test_nor_is_a_code_of_an_earlier_step_that_was_never_shown(bank):
    """RFC 6238, 5.2: whoever saw it over the user's shoulder is too late."""
    name = bank.credential()
    before = bank.code(-1)
    assert bank.verify(name, bank.code())
    assert bank.why(name, before) == "replayed"


def test_a_counter_does_not_go_back(bank):
    name = bank.credential(type=Type.HOTP)
    assert bank.verify(name, hotp(SECRET, 4))
    for value in range(5):
        assert bank.why(name, hotp(SECRET, value)) == "wrong-code"
        bank.change(name, failures=0, delayed_us=0, rate_us=0)
    assert bank.verify(name, hotp(SECRET, 5))


@pytest.mark.parametrize(
    "spelt",
    [
        " {}", "{} ", "{}\n", "{}\0", "\t{}", "0{}", "{}0", "+{}", "-{}", "{}.0", "0x{}",
        "\N{ZERO WIDTH SPACE}{}",
    ],
)  # fmt: skip
def test_only_its_own_digits_are_a_code(bank, spelt):
    name = bank.credential()
    assert bank.why(name, spelt.format(bank.code())) == "wrong-code"
    assert bank.verify(name, bank.code())


@pytest.mark.parametrize("zero", "\N{FULLWIDTH DIGIT ZERO}\N{ARABIC-INDIC DIGIT ZERO}\U0001d7ce")
def test_digits_of_other_scripts_are_none(bank, zero):
    name = bank.credential()
    other = "".join(chr(ord(zero) + int(digit)) for digit in bank.code())
    assert other.isdecimal()
    assert bank.why(name, other) == "wrong-code"


@pytest.mark.parametrize("spelt", ["", "12345", "1234567", "123 456", "123-456", "abcdef", "٣٤"])
def test_what_is_no_code_is_a_wrong_one(bank, spelt):
    name = bank.credential()
    assert bank.why(name, spelt) == "wrong-code"
    assert bank.held(name).body.failures == 1


def test_spaces_do_not_make_a_used_code_new(bank):
    name = bank.credential()
    code = bank.code()
    assert bank.verify(name, code)
    for spelt in (f"{code} ", f" {code}", f"{code[:3]} {code[3:]}"):
        assert not bank.verify(name, spelt)


@pytest.mark.parametrize("back_s", [1, 29, 30, 31, 3_600, 10 * 366 * 86_400])
def test_a_clock_that_goes_back_opens_nothing_again(bank, back_s):
    name = bank.credential()
    code = bank.code()
    assert bank.verify(name, code)
    bank.pass_(-back_s)
    assert not bank.verify(name, code)
    assert not bank.verify(name, bank.code())
    bank.pass_(back_s)
    assert not bank.verify(name, code)


def test_after_a_clock_went_back_codes_are_right_again_from_where_it_was(bank):
    name = bank.credential()
    assert bank.verify(name, bank.code())
    bank.pass_(-90)
    assert not bank.verify(name, bank.code())
    bank.pass_(120)
    assert bank.verify(name, bank.code())


def test_a_process_that_was_killed_has_forgotten_nothing(bank, tmp_path):
    name = bank.credential()
    code = bank.code()
    assert bank.verify(name, code)
    store = copied(bank.store, tmp_path)
    desk = bank.house.at(store).desk()
    assert not bank.verify(name, code, desk)
    bank.clock.now += STEP_US
    assert bank.verify(name, bank.code(), desk)
    store.close()


def test_the_code_of_one_desk_is_used_up_at_another(bank):
    name = bank.credential()
    other = bank.house.desk()
    code = bank.code()
    assert bank.verify(name, code, other)
    assert not bank.verify(name, code)
    bank.pass_(30)
    assert bank.verify(name, bank.code())
    assert not bank.verify(name, bank.code(), other)


def test_no_answer_is_there_before_the_attempt_is_kept(bank):
    """The ledger does not answer: neither does the desk, and the code is not used up."""
    name = bank.credential()
    real = bank.store.commit

    def broken(group):
        raise StoreUnavailable

    bank.store.commit = broken
    assert bank.desk.refusal(bank.verifier, "otp.verify", name, code=bank.code()) == "unavailable"
    bank.store.commit = real
    assert bank.verify(name, bank.code())
