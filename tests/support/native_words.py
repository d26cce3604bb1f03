"""Words of Strongroom's own, which nobody who speaks AWS KMS has ever heard."""

import re

from strongroom.domain.algorithms import Algorithm, Purpose, Scheme
from strongroom.domain.lifecycle import State, Transition
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.transfers import Wrapping, WrappingKey

# What is a word of English, or of AWS's, as well.
_COMMON = {State.ACTIVE, Purpose.MAC, Purpose.AGREE, Purpose.DECRYPT, Purpose.ENCAPSULATE,
           Purpose.WRAP, Transition.ENABLE, Transition.DISABLE, Transition.DEACTIVATE}  # fmt: skip
_NAMES = {
    str(one)
    for kind in (Algorithm, Purpose, Scheme, State, Transition, Wrapping, WrappingKey)
    for one in kind
    if one not in _COMMON
} | set(OPERATIONS)
_OTHERS = (
    r"\$\.\w*", r"[a-z]+(?:_[a-z]+)+", r"versions? (?:\d+|of)", r"namespaces?", r"labels?",
    r"profiles?", r"(?<!encryption )contexts?", r"checkpoints?", r"destroyed", r"destruction",
)  # fmt: skip
_ANY = re.compile(
    r"(?<![\w.-])(?:" + "|".join([*map(re.escape, sorted(_NAMES)), *_OTHERS]) + r")(?![\w-])"
)
# What a request named is said again as it is.
_REPEATED = re.compile(r"'[^']*'|\barn:\S+|\balias/\S+")


def native_words(text):
    """Those that stand in a text, but for what is quoted and for names."""
    return _ANY.findall(_REPEATED.sub("", text))


def watched(client):
    """A client of boto3's, which fails when it is told something in such words."""

    def look(parsed, **_):
        message = parsed.get("Error", {}).get("Message", "")
        assert not native_words(message), message

    client.meta.events.register("after-call.kms", look)
    return client
