"""The ledger's disk is full: 503, what was kept stays, and it goes on by itself."""

import os
import resource
import subprocess

import pytest

from tests.support.nodes import Node, eventually


@pytest.fixture(params=["full-disk", "file-limit"])
def short_of_space(request, tmp_path):
    """A directory, and how to use its space up and give it back."""
    data = tmp_path / "disk" / "data"
    if request.param == "full-disk":
        if os.geteuid() != 0:
            pytest.skip(
                "a small disk is mounted by root only; the file limit is tried all the same"
            )
        (tmp_path / "disk").mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path / "disk"], check=False
        )
        if done.returncode:
            pytest.skip("mounting is not allowed here; the file limit is tried all the same")
        ballast = tmp_path / "disk" / "ballast"

        def fill(node):
            with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):  # noqa: PT012
                while True:  # at some time there is no more
                    file.write(b"\0" * 4096)

        def free(node):
            ballast.unlink()

        yield data, fill, free
        subprocess.run(["umount", tmp_path / "disk"], check=True)
    else:
        (tmp_path / "disk").mkdir()

        def limit(node, most):
            pid = node.client().rooms()["ledger"]["pid"] if most else limit.pid
            limit.pid = pid
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most or hard, hard))

        yield (
            data,
            lambda node: limit(node, node.store.stat().st_size + 64 * 1024),
            lambda node: limit(node, 0),
        )


def test_full_disk_refuses_and_recovers_without_a_restart(short_of_space):
    data, fill, free = short_of_space
    with Node(data) as node:
        client = node.client()
        ready = [client.encrypt("demo", b"before") for _ in range(20)]
        assert {answer.status for answer in ready} == {200}
        pids = {name: room["pid"] for name, room in client.rooms().items()}

        fill(node)
        refused = []

        def refuses():
            # The first few may still fit in what the file has already been given.
            refused.append(client.encrypt("demo", b"x" * 4096))
            return refused[-1].status == 503

        eventually(refuses)
        last = refused[-1]
        assert last.json["code"] == "unavailable"
        assert last.headers["retry-after"] == "1"
        assert "ciphertext" not in last.json
        kept = [answer for answer in refused if answer.status == 200]
        eventually(lambda: client.ask("GET", "/v1/ready").status == 503)
        assert client.ask("GET", "/v1/health").status == 200

        free(node)
        eventually(lambda: client.encrypt("demo", b"after").status == 200)
        eventually(lambda: client.ask("GET", "/v1/ready").status == 200)
        assert {name: room["pid"] for name, room in client.rooms().items()} == pids
        entries = {event["request"] for event in client.events(action="key.encrypt")}
        assert {answer.request_id for answer in ready + kept} <= entries
        assert last.request_id not in entries
