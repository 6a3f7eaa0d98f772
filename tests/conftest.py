"""Ctrl-C ends what the tests start, also where a shell runs them in the background and has it ignored."""

import signal


def pytest_configure() -> None:
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
