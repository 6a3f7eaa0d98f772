"""Every error that jielong raises, on one screen.

Each message names the problem, what was expected and what to do. `SampleError` is the only kind that costs just one
sample: a vote goes on without it. Every other error stops everything. The command line turns any of them into one line
and exit status 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .contract import Reply


class JielongError(Exception):
    """The root of the tree."""


class BadInput(JielongError):
    """Something that the user gave (a file, an option, a value) cannot be used."""


class EndpointUnfit(BadInput):
    """An endpoint cannot be used as it is named: nothing answers there, it has no such model, or no quota is left."""


class RecipeError(BadInput):
    """A recipe cannot be read; the message names the column."""


class UnknownName(RecipeError):
    """No technique, model, option, rule or task has this name; the message names the nearest one."""


class MissingExtra(JielongError):
    """An optional library is not installed; the message holds the install command."""

    def __init__(self, what: str, extra: str) -> None:
        from .installation import install_command  # slow to import, and needed only here

        super().__init__(f"{what} needs an extra that is not installed: {install_command(extra)}")


class MissingKey(JielongError):
    """An endpoint needs a key and its environment variable is not set."""


class SandboxMissing(JielongError):
    """Code was to run, and this system has no sandbox that can run it. It was not run."""


class DamagedFile(JielongError):
    """A checkpoint, ledger or index is not what its hash or its format says."""


class TrainingFailed(JielongError):
    """A training cannot continue with these settings."""


class Unsupported(JielongError):
    """This model or technique cannot do what the request asks; nothing was dropped in silence."""


class WorkStopped(JielongError):
    """Work on foreign data in a process of its own was stopped or failed; the message says why."""


class BoundExceeded(JielongError):
    """A technique made more calls than its own `bound()`: a fault in the technique."""


class BudgetExceeded(JielongError):
    """A budget is spent. `replies` is what had come back under it, in order of arrival."""

    def __init__(self, message: str, replies: Sequence[Reply] = ()) -> None:
        super().__init__(message)
        self.replies = tuple(replies)


class SampleError(JielongError):
    """One sample has no answer; others may still have one. `lost`: no reply came, so nothing is known of the model."""

    def __init__(self, message: str, lost: bool = False) -> None:
        super().__init__(message)
        self.lost = lost


class Fault(SampleError):
    """An exception that nobody expected, of this program or a plugin; `__cause__` is it. See faults.py."""

    def __init__(self, message: str) -> None:
        super().__init__(message, lost=True)


class EndpointGaveUp(SampleError):
    """An endpoint kept failing, or never answered; the message holds its own words."""

    def __init__(self, message: str) -> None:
        super().__init__(message, lost=True)


class RequestRefused(EndpointGaveUp):
    """The endpoint says that the request itself is wrong; asking again would not help."""


class TooLong(RequestRefused):
    """The request is longer than the model reads."""


class Overloaded(SampleError):
    """This program has too much of the kind to do already; the same request may pass in a moment."""

    def __init__(self, message: str) -> None:
        super().__init__(message, lost=True)


class Refused(SampleError):
    """The model declined to answer, or its provider would not pass the request on (`lost`)."""


class Truncated(SampleError):
    """The reply ran into its token limit, so it is not an answer. `reply` is what there is of it."""

    def __init__(self, message: str, reply: Reply | None = None) -> None:
        super().__init__(message)
        self.reply = reply


class NoAnswer(SampleError):
    """No vote is left: every sample failed (`lost`: none of them had a reply), or none held what the rule looks for."""
