"""A process of its own that uses, destroys and signs, to be killed at any moment of it.

`python -m tests.support.signing_child FOLDER`: the folder has a signed house, as `made` leaves it.
Prints the size of each checkpoint that its ledger acknowledged.
"""

import sys
from pathlib import Path

from strongroom.adapters.anchor_directory import AnchorDirectory
from strongroom.adapters.sqlite.store import SQLiteStore
from tests.support.desks import Clock, House
from tests.support.notaries import BentAnchor, Signed


def made(folder):
    """A house to begin with, and what its child needs to know."""
    signed = Signed(folder)
    signed.house.lasting()
    signed.use(1)
    signed.sign()
    secrets = [signed.house.root.hex(), signed.house.admin, signed.house.app]
    (folder / "secrets").write_text("\n".join(secrets))
    signed.close()
    return signed


def found(folder):
    """The same house, in another process."""
    root, admin, app = (folder / "secrets").read_text().split("\n")
    signed = Signed.__new__(Signed)
    signed.folder, signed.notary, signed._closed = folder, None, None
    house = House.__new__(House)
    house.path, house.root, house.clock = str(folder / "store.db"), bytes.fromhex(root), Clock()
    house.admin, house.app = admin, app
    house.store = SQLiteStore.open(house.path)
    house.first = house.store.find("n", b"", "default").id
    signed.house = house
    signed.directory = AnchorDirectory(folder / "anchor")
    signed.anchor = BentAnchor(signed.directory)
    signed.desk = house.desk()
    return signed


def main(folder):
    """Two checkpoints, a destruction, two more."""
    signed = found(folder)
    signed.appoint()
    for step in ("use", "destroy", "create", "read"):
        match step:
            case "use":
                signed.use(2)
            case "destroy":
                signed.destroy()
            case "create":
                signed.desk.ask(signed.house.admin, "key.create", name="next")
            case "read":
                signed.desk.ask(signed.house.admin, "status.read")
        signed.sign()
        sys.stdout.write(f"{signed.store.checkpoints().size}\n")
        sys.stdout.flush()
    signed.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
