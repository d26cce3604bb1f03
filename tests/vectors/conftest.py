"""Says which of Wycheproof's vectors were run, and what came of them."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for all files; with -v one for each."""
    counted = [
        value
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "wycheproof" and report.when == "call"
    ]
    if not counted:
        return
    accepted, refused, foreign = (sum(row[column] for row in counted) for column in (1, 2, 3))
    which = "the sample" if all(row[4] for row in counted) else "the full set"
    terminalreporter.section("Wycheproof", "-")
    if terminalreporter.verbosity > 0:
        for name, *numbers, _ in sorted(counted):
            terminalreporter.line("{:44} {:5} {:5} {:5}".format(name, *numbers))
    terminalreporter.line(
        f"{which}, {len(counted)} files, {accepted + refused + foreign} cases: "
        f"{accepted} accepted, {refused} refused, {foreign} of kinds that are not offered"
    )
