"""Exceptions that nobody expected: of a provider, technique, metric, answer rule or tool, ours or a plugin's.

One costs its sample and nothing else, and is not hidden: the sample's error names its type, words and place, and the
traceback goes to the log `jielong.faults`, which the command line keeps in `JIELONG_HOME/faults.log`.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from .errors import Fault

log = logging.getLogger("jielong.faults")


def fault(error: Exception) -> Fault:
    """The error of a sample that `error` has cost."""
    sample_error = Fault(described(error))
    log.error("%s", sample_error, exc_info=error)
    sample_error.__cause__ = error
    return sample_error


def described(error: Exception) -> str:
    """On one line: `KeyError: 'x' (metric.py, line 12)`."""
    *_, last = [None, *traceback.extract_tb(error.__traceback__)]
    place = f" ({Path(last.filename).name}, line {last.lineno})" if last else ""
    words = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {words}{place}" if words else f"{type(error).__name__}{place}"
