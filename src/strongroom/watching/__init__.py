"""Suspicious use, seen in the audit log. Pure: entries go in, findings come out.

`docs/operate/suspicious-use.md` shows the rules.
"""

from strongroom.watching.rules import RULES, RuleRefused, configured
from strongroom.watching.watcher import Watcher

__all__ = ["RULES", "RuleRefused", "Watcher", "configured"]
