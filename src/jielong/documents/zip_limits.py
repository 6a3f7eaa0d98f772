"""Formats that are zip files: what they would unpack to is added up before anything is unpacked."""

from __future__ import annotations

import io
from zipfile import ZipFile

from .unreadable import Unread

MOST_UNPACKED, MOST_MEMBERS = 400_000_000, 20_000


def check_zip(data: bytes) -> ZipFile:
    """Raises Unread. Python reads no more of a member than its declared size."""
    archive = ZipFile(io.BytesIO(data))
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    if len(members) > MOST_MEMBERS or size > MOST_UNPACKED:
        raise Unread("too large", f"{len(members):,} files of {size:,} bytes in it")
    if any(member.flag_bits & 1 for member in members):
        raise Unread("encrypted", "it needs a password")
    return archive
