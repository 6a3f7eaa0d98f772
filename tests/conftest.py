"""What holds for every test: property tests try the same examples on every run, and Ctrl-C ends what tests start."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Where Python is told to write no bytecode, each of the many processes that tests start would compile what it imports
# anew: ten seconds for torch. What they compile is kept beside the checkout instead.
if sys.dont_write_bytecode:
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parents[1] / "build" / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

# A submission must not fail by the luck of the draw. Looking for new examples is what JIELONG_FULL=1 is for.
# Nor by the load of the machine: how long an example takes is nobody's promise.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same on every run", UNTIMED, derandomize=True)
settings.register_profile("random search", UNTIMED, derandomize=False, print_blob=True)
settings.load_profile("random search" if os.environ.get("JIELONG_FULL") == "1" else "same on every run")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults: exceptions that nobody expected are what this test is about")
    # Where a shell runs the tests in the background, Ctrl-C is ignored, and so it would be in what they start.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def no_fault_goes_unseen(request: pytest.FixtureRequest) -> Iterator[None]:
    """A fault costs its sample and nothing else, so that a test may pass in spite of one. Here it does not."""
    kept, log = _Kept(), logging.getLogger("jielong.faults")
    log.addHandler(kept)
    yield
    log.removeHandler(kept)
    if kept.records and not request.node.get_closest_marker("faults"):
        pytest.fail("\n".join(logging.Formatter().format(record) for record in kept.records))
