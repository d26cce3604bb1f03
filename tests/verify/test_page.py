"""The page for auditors is typed into a shell, beside a log as the server exports it."""

from strongroom.tlog import merkle, notes, receipts
from strongroom.tlog.checkpoints import Checkpoint
from tests.support.auditing import ORIGIN, cosigner, log_signer, signed, vkey, write_folder
from tests.support.logs import Log
from tests.support.server_of_folders import serving
from tests.support.terminal import Terminal
from tests.support.tree import ROOT

PAGE = (ROOT / "docs" / "operate" / "verifying.md").read_text()
ENTRIES = [b'{"action":"key.encrypt","request":"%032x"}' % i for i in range(700)]


def test_what_the_page_shows_is_what_the_program_says(tmp_path):
    log = Log(ENTRIES)
    checkpoint = write_folder(tmp_path / "audit", ENTRIES, log_signer(), cosigner())
    january = Checkpoint(ORIGIN, 300, log.root(300))
    (tmp_path / "checkpoint.january").write_bytes(signed(january))
    (tmp_path / "log.vkey").write_text(vkey(log_signer()) + "\n")
    (tmp_path / "w1.vkey").write_text(vkey(cosigner()) + "\n")
    (tmp_path / "w2.vkey").write_text(vkey(cosigner("2", "witness.example/w2")) + "\n")
    note = notes.sign(checkpoint.text, [log_signer(), cosigner()])
    proof = tuple(log.inclusion(7, 700))
    receipt = receipts.Receipt(7, proof, note, ENTRIES[7])
    assert merkle.leaf_hash(ENTRIES[7]) == log.leaves[7]
    (tmp_path / "payment.tlog-proof").write_bytes(receipt.to_bytes())
    with Terminal(tmp_path) as terminal, serving(tmp_path / "audit", terminal._port):
        terminal.play(PAGE)
