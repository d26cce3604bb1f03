"""The client's reference page: its methods are those of the client, its examples run."""

import importlib.util
import re
from pathlib import Path

from strongroom.client import synchronous
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
    assert "| `rotate_key(name)` | `KeyView` |" in tool.render()
    named = set(re.findall(r"^\| `([\w.]+)\(", tool.render(), re.MULTILINE))
    methods = {name for name in vars(synchronous.Client) if not name.startswith("_")}
    methods |= {f"otp.{name}" for name in vars(synchronous.OTP) if not name.startswith("_")}
    assert named == methods - {"send", "otp.send", "exchange", "with_receipt", "close"}


def test_examples_on_the_page_run(tmp_path):
    examples = re.findall(r"```python\n(.*?)```", reference().PAGE.read_text(), re.DOTALL)
    assert len(examples) == 4
    with StandIn(tmp_path / "store.db") as server:
        for example in examples:
            assert "http://127.0.0.1:7600" in example
        program = "\n".join(examples).replace("http://127.0.0.1:7600", server.url)
        exec(program, {"token": server.app})  # noqa: S102 - our own page
    assert server.asked.count("key.encrypt") == 3
    assert server.asked.count("key.decrypt") == 3
