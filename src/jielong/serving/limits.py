"""What one client may take of the server before it is refused or disconnected."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerLimits:
    body_bytes: int = 20_000_000
    head_bytes: int = 65_536
    head_seconds: float = 30.0  # until the head of a request is complete, also between two requests
    body_seconds: float = 30.0
    write_seconds: float = 60.0  # how long a client may leave a full send buffer unread
    grace_seconds: float = 60.0  # for open answers when the server ends
