"""Where sensitive bytes leave their wrapper. Each place is listed: a new one is a decision."""

import ast
from collections import Counter

from tests.support.tree import modules, name, parsed

# File, function, and how many times. To add a place, say in its code why the bytes must come out.
REVEALED = {
    ("domain/sigv4.py", "signing_key"): 1,
    ("services/data_keys.py", "DataKeys.generate_pair"): 2,
    ("services/otp/enrolling.py", "Enrolling._provisioned"): 2,
    ("adapters/seals/key_file.py", "KeyFile.make"): 1,
    ("adapters/seals/passphrase.py", "PassphraseSeal.make"): 2,
    ("adapters/seals/passphrase.py", "_canonical"): 2,
    ("adapters/seals/passphrase.py", "_key"): 1,
    ("adapters/sinks/webhook.py", "signature"): 1,
    ("adapters/software/format1.py", "FormatOneCipher.__init__"): 1,
    ("adapters/software/macs.py", "HMACMaker.mac"): 1,
    ("adapters/software/one_time.py", "SoftwareOneTime.__init__"): 1,
    ("adapters/software/one_time.py", "SoftwareOneTime.sealed_for"): 1,
    ("adapters/software/provider.py", "SoftwareNamespace.__init__"): 1,
    ("adapters/software/provider.py", "SoftwareNamespace._fingerprint"): 1,
    ("adapters/software/provider.py", "SoftwareNamespace.import_otp"): 1,
    ("adapters/software/provider.py", "SoftwareProvider.__init__"): 1,
    ("adapters/software/wrapping.py", "AESWrapper.unwrap"): 1,
    ("adapters/software/wrapping.py", "AESWrapper.wrap"): 1,
    ("adapters/software/xwing.py", "XWingPrivateKey.der"): 1,
    ("domain/otp/otpauth.py", "spell"): 1,
    ("cli/otp_import.py", "_unlock"): 1,
    ("cli/otp_privacyidea.py", "_opened"): 1,
    ("cli/otp_readers.py", "_item"): 1,
    ("cli/seeding.py", "_imported"): 1,
    ("node/supervisor.py", "_rooms"): 1,
    ("pskc/credentials.py", "import_item"): 1,
    ("pskc/locks.py", "pre_shared_key"): 1,
    ("pskc/locks.py", "private_key"): 2,
    ("pskc/opening.py", "Opening._symmetric"): 2,
    ("pskc/sealing.py", "Sealing.__init__"): 1,
    ("pskc/sealing.py", "Sealing.value"): 1,
    ("pskc/sealing.py", "_long_enough"): 1,
    ("pskc/writing.py", "_data"): 1,
}


class _Calls(ast.NodeVisitor):
    def __init__(self) -> None:
        self.within: list[str] = []
        self.found: Counter[str] = Counter()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._enter(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._enter(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._enter(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        # Not calls alone: a method handed on is called somewhere.
        if node.attr == "reveal":
            self.found[".".join(self.within)] += 1
        self.generic_visit(node)

    def _enter(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.within.append(node.name)
        self.generic_visit(node)
        self.within.pop()


def revealed() -> dict[tuple[str, str], int]:
    places = {}
    for path in modules():
        calls = _Calls()
        calls.visit(parsed(path))
        places |= {(name(path), where): count for where, count in calls.found.items()}
    return places


def test_sensitive_bytes_come_out_only_where_listed():
    assert revealed() == REVEALED


def test_nothing_reaches_around_the_wrapper():
    """`Sensitive` keeps its bytes in a private attribute; nobody else may name it."""
    for path in modules():
        if name(path) != "domain/sensitive.py":
            assert "Sensitive__" not in path.read_text(), name(path)
