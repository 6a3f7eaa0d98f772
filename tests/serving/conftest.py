"""What the tests of the server share."""

from __future__ import annotations

from pathlib import Path

import pytest

from jielong.runtime import provider


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait a moment only."""
    monkeypatch.setattr(provider, "retry_delay", lambda attempt, after: 0.001)
