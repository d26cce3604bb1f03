"""What holds for every test."""

import signal


def pytest_configure():
    """Let the programs that tests start be interrupted.

    A shell starts what it runs in the background with interrupts ignored, and that is inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
