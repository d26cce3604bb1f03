"""The client's reference page: its methods are those of the client, its examples run."""

import importlib.util
import re
from pathlib import Path

from strongroom.client import Client, synchronous
from tests.support.standin import StandIn

ROOT = Path(__file__).parent.parent.parent


def reference():
    spec = importlib.util.spec_from_file_location(
        "client_reference", ROOT / "tools" / "client_reference.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_methods_on_the_page_are_the_clients():
    tool = reference()
    assert tool.PAGE.read_text() == tool.render(), "run: python tools/client_reference.py"
    assert "| `rotate_key(name, *, keep_schedule=False)` | `KeyView` |" in tool.render()
    named = set(re.findall(r"^\| `([\w.]+)\(", tool.render(), re.MULTILINE))
    methods = {name for name in vars(synchronous.Client) if not name.startswith("_")}
    methods |= {f"otp.{name}" for name in vars(synchronous.OTP) if not name.startswith("_")}
    assert named == methods - {"send", "otp.send", "exchange", "with_receipt", "close"}


def people(server):
    """A token of each who has to do with one-time passwords."""
    with Client(server.url, server.admin) as admin:
        for name in ("enroller", "verifier"):
            admin.create_principal(name, roles=[f"otp-{name}"])
        return {name: admin.create_token(name).token for name in ("enroller", "verifier")}


def test_examples_on_the_page_run(tmp_path):
    examples = re.findall(r"```python\n(.*?)```", reference().PAGE.read_text(), re.DOTALL)
    assert len(examples) == 5
    with StandIn(tmp_path / "store.db") as server:
        for example in examples:
            assert "http://127.0.0.1:7600" in example
        program = "\n".join(examples).replace("http://127.0.0.1:7600", server.url)
        tokens = {"token": server.app, **people(server)}
        exec(program, tokens)  # noqa: S102 - our own page
    assert server.asked.count("key.encrypt") == 3
    assert server.asked.count("key.decrypt") == 3
