"""The text of a page. HTML is parsed in a process that is killed when it takes too long or too much memory: pages are
made to be deep, huge or circular, and a parser in C cannot be stopped otherwise. Other texts are decoded here, by
encodings that take linear time; UTF-7, punycode and their like are none of these.
"""

import base64
import codecs
import re
from collections.abc import Callable
from importlib.util import find_spec

from ...errors import MissingExtra, WorkStopped
from ...killable_worker import KillableWorker
from ...runtime.runtime import active_runtime
from .tool import ToolFailed

EXTRACTOR = "jielong.techniques.tools.page_text:extractor"
SECONDS, MEMORY = 10.0, 2 << 30
_LINEAR = re.compile(
    r"utf-(?:8|16|32)(?:-[lb]e)?(?:-sig)?|ascii|iso8859-\d{1,2}|cp\d{2,5}|gb\w{1,6}|big5\w{0,6}|shift_jis\w{0,6}"
    r"|euc_\w{2,12}|koi8-\w|mac-\w{3,12}|tis-620|iso2022_\w{2,8}"
)


async def page_text(data: bytes) -> str:
    """The main text of an HTML page; all of its text where none stands out. Raises ToolFailed, MissingExtra."""
    if find_spec("trafilatura") is None:
        raise MissingExtra("reading web pages", "tools")
    worker = active_runtime().get(KillableWorker, EXTRACTOR, SECONDS, MEMORY)
    try:
        text = await worker.call(base64.b64encode(data).decode())
    except WorkStopped as stopped:
        raise ToolFailed("unread_page", {"reason": str(stopped)}) from None
    if not text:
        raise ToolFailed("empty_page")
    return str(text)


def decoded(data: bytes, charset: str) -> str:
    """A text in the encoding that its server names, else in UTF-8."""
    try:
        encoding = codecs.lookup(charset[:40]).name
        if _LINEAR.fullmatch(encoding):
            return data.decode(encoding, errors="replace")
    except (LookupError, ValueError):  # no encoding of that name
        pass
    return data.decode(errors="replace")


def extractor() -> Callable[[str], str | None]:
    """What extracts in the process of its own."""
    import trafilatura

    def text_of(page: str) -> str | None:
        html = base64.b64decode(page)
        main_text = trafilatura.extract(html, include_comments=False, include_tables=True, favor_recall=True)
        text: str | None = main_text or trafilatura.html2txt(html)
        return text

    text_of(base64.b64encode(b"<html><body><p>The first page is slow.</p></body></html>").decode())
    return text_of
