"""`JIELONG_HOME/faults.log`: the tracebacks of exceptions that nobody expected, for whoever mends them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..atomic_write import private_opener
from ..errors import JielongError
from ..faults import log
from ..runtime.home import home_folder

FILE = "faults.log"
MAX_BYTES = 10_000_000  # what is beyond is not written: a fault at each of a million items says nothing new


class _FaultFile(logging.Handler):
    """Makes file and folder at the first fault only."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, JielongError):  # the sample's error has told it already
            with open(home_folder() / FILE, "a", encoding="utf-8", errors="replace", opener=private_opener) as file:
                if file.tell() < MAX_BYTES:
                    file.write(self.format(record) + "\n\n")


@contextmanager
def kept_faults() -> Iterator[None]:
    """Inside, tracebacks of faults go to the file and not to the screen."""
    handler, before = _FaultFile(), log.propagate
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = before
