"""The text of a data file whose encoding nobody tells: UTF-8, UTF-16 and UTF-32, GB18030 (so GBK), Windows-1252.

Bytes that are no UTF-8 can be read in many ways, most of them wrong. So an encoding counts only where the result looks
like a text. Everything else is refused: a document with wrong letters can still be searched, a task cannot be asked.
"""

from pathlib import Path

from ..documents.encodings import looks_chinese, looks_western, marked_encoding
from ..errors import BadInput


def decode(file: Path, data: bytes) -> tuple[str, str | None]:
    """The text, and the name of its encoding where a person should check it. Raises BadInput."""
    if marked := marked_encoding(data):
        return _strictly(file, data, marked), None
    if b"\0" in data[:1000]:
        zeros_first = data[:1000:2].count(0) > data[1:1000:2].count(0)
        return _strictly(file, data, "utf-16-be" if zeros_first else "utf-16-le"), "UTF-16"
    try:
        return data.decode(), None
    except UnicodeDecodeError as error:
        replaced = data.decode(errors="replace")
        if sum(letter > "\x7f" for letter in replaced) > 2 * replaced.count("�"):
            line = data.count(b"\n", 0, error.start) + 1
            raise BadInput(f"{file}:{line}: a byte that is not UTF-8 in a file of UTF-8; save it anew") from None
    for encoding, name, is_plausible in (
        ("gb18030", "GB18030", looks_chinese),
        ("cp1252", "Windows-1252", looks_western),
    ):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if is_plausible(text):
            return text, name
    raise BadInput(f"{file}: neither UTF-8 nor GB18030; save it as UTF-8 (for example with iconv -f BIG5 -t UTF-8)")


def _strictly(file: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise BadInput(f"{file}: begins like {encoding.upper()} and is not; save it as UTF-8") from None
