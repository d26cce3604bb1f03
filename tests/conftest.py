"""What holds for every test."""

import signal

from hypothesis import HealthCheck, settings

# The same examples each time, however long a busy machine takes for one: what a test finds belongs
# to the change that is tried, not to the day. `--hypothesis-profile=explore` looks for others.
settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")


def pytest_configure():
    """Let the programs that tests start be interrupted.

    A shell starts what it runs in the background with interrupts ignored, and that is inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
