"""What the tests of the laws share."""

from __future__ import annotations

import pytest

from jielong.runtime import provider


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait a moment only: how long is no matter of these laws."""
    monkeypatch.setattr(provider, "retry_delay", lambda attempt, after: 0.001)
