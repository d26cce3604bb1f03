"""The witness as its operator has it: `init`, `serve`, HTTP, kills, and settings that are wrong."""

import http.client
import json
import shutil
import signal
import socket
import ssl
import threading
import time

import pytest

from strongroom.adapters.witnesses import HTTPWitness
from strongroom.ports.witnesses import Cosigned, Inconsistent, Knows, WitnessSettings
from strongroom.tlog import notes, vkeys
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.keys import verifier
from strongroom.tlog.policies import Policy
from strongroom.witness import keyfile, settings
from strongroom.witness.exchange import QUESTION_BYTES_MAX
from strongroom.witness.refusals import CannotServe
from tests.support.auditing import ORIGIN, log_signer, vkey
from tests.support.certificates import write_certificate
from tests.support.logs import Log, numbered
from tests.support.witnessing import RunningWitness, program, question

LOG = numbered(400)
FORK = Log([b"otherwise", *LOG.entries[1:]])


def keys(directory):
    return [verifier(vkeys.parse(line)) for line in (directory / "vkeys").read_text().split()]


# --- init ---------------------------------------------------------------------------------------


def test_init_makes_keys_for_nobody_elses_eyes(directory):
    assert (directory / "witness.key").stat().st_mode & 0o777 == 0o600
    assert (directory / "state").stat().st_mode & 0o777 == 0o700
    assert [str(key.vkey) for key in keys(directory)] == [
        str(signer.vkey) for signer in keyfile.load(directory / "witness.key")
    ]
    assert [key.vkey.algorithm for key in keys(directory)] == [4, 6]


def test_init_prints_no_private_key(directory):
    for line in (directory / "witness.key").read_text().splitlines():
        # PRIVATE+KEY, name, hash, and the key in base64, which can have and end with a + itself.
        key = line.split("+", 4)[4]
        assert len(key) > 40
        assert key not in (directory / "vkeys").read_text()


def test_init_makes_no_second_witness_of_one(directory):
    before = (directory / "witness.key").read_bytes()
    again = program("init", directory, "--name", "witness.example/w1")
    assert (again.returncode, again.stdout) == (1, "")
    assert "is not empty" in again.stderr
    assert (directory / "witness.key").read_bytes() == before


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "x" * 256, "\u2003", "\udcff"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    done = program("init", tmp_path / "w", "--name", name)
    assert done.returncode == 1
    assert "cannot name a witness" in done.stderr
    assert not list((tmp_path / "w").iterdir())


def test_two_witnesses_have_different_keys(directory, tmp_path):
    other = program("init", tmp_path / "other", "--name", "witness.example/w1")
    assert not set(other.stdout.split()) & set((directory / "vkeys").read_text().split())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o700 | 0o010])
def test_keys_that_others_may_read_are_not_used(directory, mode):
    (directory / "witness.key").chmod(mode)
    with pytest.raises(CannotServe, match="chmod 600"):
        keyfile.load(directory / "witness.key")


@pytest.mark.parametrize(
    "bend",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text + "\n",
        lambda text: text.splitlines()[0],
        lambda text: text.splitlines()[0] + "\n" + text.splitlines()[0] + "\n",
        lambda text: text.replace("PRIVATE", "PUBLIC", 1),
        lambda text: text.replace("w1", "w2", 1),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "x" * 10_000,
        lambda text: "\u00e4",
    ],
    ids=range(10),
)
def test_keys_that_are_misspelt_are_not_used_and_not_shown(directory, bend):
    path = directory / "witness.key"
    secret = path.read_text()
    path.write_text(bend(secret))
    with pytest.raises(CannotServe) as refused:
        keyfile.load(path)
    assert str(refused.value) == f"{path} does not hold the keys of a witness"


def test_keys_that_are_missing_are_said(tmp_path):
    with pytest.raises(CannotServe, match="No such file"):
        keyfile.load(tmp_path / "none")


# --- serving ------------------------------------------------------------------------------------


def test_a_log_gets_signatures_that_a_policy_accepts(directory):
    with RunningWitness(directory) as witness:
        status, headers, answer = witness.request("POST", "/add-checkpoint", question(LOG, 0, 7))
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    note = notes.sign(Checkpoint(ORIGIN, 7, LOG.root(7)).text, [log_signer()])
    cosigned = note.joined(notes.parse_signatures(answer.decode()))
    policy = Policy((verifier(log_signer().vkey),), tuple(keys(directory)), 1)
    assert policy.trusted(cosigned).size == 7
    assert len(cosigned.signatures) == 3
    for signature in cosigned.signatures[1:]:
        assert abs(int.from_bytes(signature.blob[:8], "big") - time.time()) < 60


def test_each_status_over_http(directory):
    with RunningWitness(directory) as witness:
        assert witness.ask(question(LOG, 0, 10))[0] == 200
        assert witness.ask(question(LOG, 10, 20))[0] == 200
        assert witness.ask(b"nonsense")[0] == 400
        assert witness.ask(question(LOG, 30, 20))[0] == 400
        assert witness.ask(question(LOG, 20, 30, signers=[log_signer("x")]))[0] == 403
        assert witness.ask(question(LOG, 20, 30, origin="another"))[0] == 404
        status, headers, answer = witness.request("POST", "/add-checkpoint", question(LOG, 10, 30))
        assert (status, headers["Content-Type"], answer) == (409, "text/x.tlog.size", b"20\n")
        assert witness.ask(question(FORK, 20, 20)) == (409, b"20\n")
        assert witness.ask(question(FORK, 20, 30))[0] == 422
        assert witness.ask(question(LOG, 20, 30))[0] == 200
    assert [line["kind"] for line in witness.alarms()] == ["split-view", "not-a-continuation"]


def test_a_rollback_is_refused_and_told(directory):
    with RunningWitness(directory) as witness:
        assert witness.ask(question(LOG, 0, 20))[0] == 200
        assert witness.ask(question(LOG, 0, 10)) == (409, b"20\n")
        assert witness.ask(question(LOG, 10, 15)) == (409, b"20\n")
        assert witness.ask(question(LOG, 20, 16))[0] == 400
    assert [line["kind"] for line in witness.alarms()] == ["rollback"] * 3


def test_connections_are_kept(directory):
    with RunningWitness(directory) as witness:
        connection = witness.connect()
        for old, new in [(0, 1), (1, 2), (2, 3)]:
            connection.request("POST", "/add-checkpoint", question(LOG, old, new))
            answer = connection.getresponse()
            answer.read()
            assert (answer.status, answer.will_close) == (200, False)
        connection.close()


def test_what_else_http_can_ask(directory):
    with RunningWitness(directory) as witness:
        assert witness.request("GET", "/add-checkpoint")[0] == 405
        assert witness.request("POST", "/", b"")[0] == 404
        assert witness.request("POST", "/add-checkpoint", b"")[0] == 400
        # Without a length, and without an end.
        parts = (b"x" * 100_000 for _ in range(10))
        chunked = {"Transfer-Encoding": "chunked"}
        assert witness.request("POST", "/add-checkpoint", parts, chunked)[0] == 400
        assert witness.request("POST", "/add-checkpoint", b"x" * (QUESTION_BYTES_MAX + 1))[0] == 400


def test_whoever_hangs_up_is_no_failure(directory):
    with RunningWitness(directory) as witness:
        with socket.create_connection(("127.0.0.1", witness.port)) as half:
            half.sendall(
                b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nold 0"
            )
        assert witness.ask(question(LOG, 0, 7))[0] == 200
    assert not witness.alarms()


def test_the_status_page_says_what_was_signed_last(directory):
    with RunningWitness(directory) as witness:
        assert json.loads(witness.request("GET", "/status")[2])["logs"] == [
            {"origin": ORIGIN, "size": 0, "root": None}
        ]
        witness.ask(question(LOG, 0, 7))
        said = json.loads(witness.request("GET", "/status")[2])
    assert said["keys"] == (directory / "vkeys").read_text().split()
    assert said["logs"][0]["size"] == 7
    assert b"PRIVATE" not in json.dumps(said).encode()


def test_of_two_forks_at_once_exactly_one_is_signed(directory):
    with RunningWitness(directory) as witness:
        past, old = LOG.entries[:20], 0
        for round_ in range(10):
            forks = [Log([*past, b"%d %d" % (round_, i)]) for i in range(6)]
            size = len(past) + 1
            start, answers = threading.Barrier(6), [0] * 6

            def ask(i, forks=forks, start=start, answers=answers, old=old, size=size):
                raw = question(forks[i], old, size)
                start.wait()
                answers[i] = witness.ask(raw)[0]

            threads = [threading.Thread(target=ask, args=(i,)) for i in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(answers) == [200] + [409] * 5
            past, old = forks[answers.index(200)].entries, size
    assert {line["kind"] for line in witness.alarms()} == {"split-view"}


def test_a_killed_witness_knows_what_it_signed(directory):
    """Killed while it is asked again and again: afterwards it knows at least what it answered."""
    signed = 0
    for round_ in range(6):
        answered = [signed]

        def ask(witness, answered=answered):
            for new in range(answered[-1] + 1, 400):
                try:
                    status, answer = witness.ask(question(LOG, new - 1, new))
                except (OSError, ValueError, AttributeError, http.client.HTTPException):
                    return  # killed before, or in the middle of, an answer
                if status == 409:  # the one before was kept, and the answer did not come
                    assert int(answer) == new
                elif status != 200:
                    return
                answered.append(new)

        with RunningWitness(directory) as witness:
            thread = threading.Thread(target=ask, args=(witness,))
            thread.start()
            time.sleep(0.05 + 0.03 * round_)
            witness.stop(signal.SIGKILL)
            thread.join()
            witness.stop = lambda _: None
        with RunningWitness(directory) as witness:
            (log,) = json.loads(witness.request("GET", "/status")[2])["logs"]
            known = log["size"]
            # The answer may have been lost on the way; nothing that was answered is.
            assert answered[-1] <= known <= answered[-1] + 1
            assert witness.ask(question(FORK, known, known))[0] == 409
            assert witness.ask(question(FORK, known, known + 1))[0] == 422
        signed = known
    assert signed > 0


def test_only_one_process_uses_a_state(directory):
    with RunningWitness(directory):
        second = program("serve", "--config", directory / "witness.toml")
        assert second.returncode == 1
        assert "another witness uses the state" in second.stderr


def test_a_state_that_cannot_be_written_signs_nothing(directory):
    """The directory is gone while it runs; what it says is for its operator."""
    with RunningWitness(directory) as witness:
        shutil.rmtree(directory / "state")
        status, answer = witness.ask(question(LOG, 0, 7))
        assert (status, answer) == (500, b"the witness cannot remember\n")
    (line,) = witness.alarms()
    assert "nothing was signed" in line["message"]


def test_it_stops_when_it_is_told(directory):
    with RunningWitness(directory) as witness:
        witness.ask(question(LOG, 0, 7))
        witness.stop(signal.SIGINT)
        assert witness.process.returncode in (0, 130)
        witness.stop = lambda _: None
    assert not witness.alarms()


def test_the_couriers_words_are_the_witnesss(directory):
    """What a node sends to its witnesses, and understands of their answers."""
    with RunningWitness(directory) as running:
        asking = HTTPWitness(WitnessSettings(url=f"http://127.0.0.1:{running.port}/", key=""))

        def ask(log, old, new):
            note = notes.sign(Checkpoint(ORIGIN, new, log.root(new)).text, [log_signer()])
            proof = log.consistency(old, new) if old else []
            return asking.ask(old, proof, note.to_bytes())

        answer = ask(LOG, 0, 10)
        assert len(notes.parse_signatures(answer.signatures)) == 2
        assert isinstance(ask(LOG, 10, 400), Cosigned)
        assert ask(LOG, 10, 400) == Knows(400)
        assert ask(FORK, 400, 400) == Knows(400)
        assert ask(LOG, 0, 10) == Knows(400)
        asking.close()
    with RunningWitness(directory) as running:
        asking = HTTPWitness(WitnessSettings(url=f"http://127.0.0.1:{running.port}", key=""))
        longer = Log([*LOG.entries, b"more"])
        other = Log([*FORK.entries, b"more"])
        assert isinstance(ask(other, 400, 401), Inconsistent)
        assert isinstance(ask(longer, 400, 401), Cosigned)
        asking.close()


# --- settings -----------------------------------------------------------------------------------


def test_the_sample_is_right_when_a_log_is_named(directory):
    text = (directory / "witness.toml").read_text()
    named = text.replace("# [[logs]]", "[[logs]]").replace("# vkey", "vkey")
    (directory / "witness.toml").write_text(named.replace("# origin", "origin"))
    loaded = settings.load(directory / "witness.toml")
    assert loaded.key == str(directory / "witness.key")
    assert list(loaded.verifiers()) == [ORIGIN]


def test_the_sample_has_every_setting():
    for setting in (*settings.Settings.__struct_fields__, *settings.Log.__struct_fields__):
        assert setting in settings.SAMPLE


def test_a_log_may_have_several_keys(directory):
    old, new = log_signer(), log_signer("new")
    logs = [(vkey(old), ORIGIN), (vkey(new), ORIGIN)]
    with RunningWitness(directory, logs=logs) as witness:
        assert witness.ask(question(LOG, 0, 5, signers=[old]))[0] == 200
        assert witness.ask(question(LOG, 5, 7, signers=[new]))[0] == 200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no log"),
        ("[", "is not TOML"),
        ("\udcff", "is not TOML"),
        ("unknown = 1", "unknown"),
        ("listen = 7", "listen"),
        ('listen = "7650"', "listen is an address"),
        ('listen = "localhost:7650"', "listen is an address"),
        ('listen = "127.0.0.1:99999"', "listen is an address"),
        ('listen = "127.0.0.1:+1"', "listen is an address"),
        ('listen = "::1:7650"', "listen is an address"),
        ('listen = "[127.0.0.1]:7650"', "listen is an address"),
        ('tls_key = "x"', "go together"),
        ("[[logs]]", "vkey"),
        ('[[logs]]\nvkey = "nonsense"', "not a public key"),
        (f'[[logs]]\nvkey = "{vkey(log_signer())[:-2]}"', "public key"),
        (f'[[logs]]\nvkey = "{vkey(log_signer())}"\norigin = "a\\nb"', "no text"),
        (f'key = "none"\n[[logs]]\nvkey = "{vkey(log_signer())}"', "No such file"),
        (f'state = "none"\n[[logs]]\nvkey = "{vkey(log_signer())}"', "never goes on"),
        (f'listen = "192.0.2.1:1"\n[[logs]]\nvkey = "{vkey(log_signer())}"', "cannot listen"),
        (
            (
                'listen = "127.0.0.1:0"\ntls_key = "witness.key"\ntls_certificate = "witness.key"\n'
                f'[[logs]]\nvkey = "{vkey(log_signer())}"'
            ),
            "certificate",
        ),
    ],
)
def test_settings_that_are_wrong_are_said(directory, text, said):
    (directory / "witness.toml").write_bytes(text.encode(errors="surrogateescape"))
    done = program("serve", "--config", directory / "witness.toml")
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_settings_that_are_missing_are_said(tmp_path):
    done = program("serve", "--config", tmp_path / "none")
    assert done.returncode == 1
    assert "No such file" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["init"], ["serve"], ["init", "x"]])
def test_wrong_arguments_are_refused(arguments):
    assert program(*arguments).returncode == 2


def test_it_speaks_tls_when_it_has_a_certificate(directory):
    write_certificate(directory)
    chosen = 'tls_certificate = "chain.pem"\ntls_key = "key.pem"'
    with RunningWitness(directory, settings=chosen) as witness:
        context = ssl.create_default_context(cafile=directory / "chain.pem")
        with (
            socket.create_connection(("127.0.0.1", witness.port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            assert secure.version() == "TLSv1.3"
