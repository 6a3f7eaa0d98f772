"""The text of a page, as documents/ reads it: HTML in a process that is killed when it takes too long or too much
memory, other texts by encodings that take linear time."""

from ...documents.read_document import read_bytes
from ...documents.unreadable import UnreadableDocument
from .tool import ToolFailed


async def page_text(data: bytes, media_type: str, charset: str) -> str:
    """The main text of an HTML page, all of its text where none stands out; any other text as it is. Raises ToolFailed,
    MissingExtra."""
    try:
        return (await read_bytes(data, "page", media_type, charset)).text
    except UnreadableDocument as unread:
        if unread.reason == "empty":
            raise ToolFailed("empty_page") from None
        raise ToolFailed("unread_page", {"reason": unread.detail or unread.reason}) from None
