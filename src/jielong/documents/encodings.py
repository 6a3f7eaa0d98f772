"""Bytes of texts that somebody else wrote → characters: by the mark of their encoding, else UTF-8, else GB18030.

A detector that guesses from letters takes a short Chinese text for Korean or Cyrillic, so it comes last. GB18030 in its
turn takes almost anything; it is believed where its characters are ones that Chinese texts are made of.
"""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINEAR = re.compile(
    r"utf-(?:8|16|32)(?:-[lb]e)?(?:-sig)?|ascii|iso8859-\d{1,2}|cp\d{2,5}|gb\w{1,6}|big5\w{0,6}|shift_jis\w{0,6}"
    r"|euc_\w{2,12}|koi8-\w|mac-\w{3,12}|tis-620|iso2022_\w{2,8}"
)
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "iso8859-1": "cp1252", "ascii": "cp1252"}
_WIDER |= {"shift_jis": "cp932", "euc_kr": "cp949"}
_HEAD = 1 << 16  # bytes that are looked at
_COMMON_HAN = re.compile(
    "[的一是不了在人有我他这中大来上个国和也子时到說说為为學学會会這們们對对發发與与於于之以其生日年月]"
)
_LATIN_IN_GB = re.compile(rb"(?<![\x80-\xff])[\xc0-\xff][A-Za-z]|[\x80-\xff](?=[\s,.;:!?\"')-]|\Z)")


def encoding_of(data: bytes) -> str | None:
    """The encoding of a text that begins like this, as `bytes.decode` takes it; None for what is no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    head = data[:_HEAD]
    if b"\0" in head[:8192]:
        return _unmarked_utf16(head)
    if _damage(head, "utf-8") <= 0.02:
        return "utf-8"
    if _damage(head, "gb18030") <= 0.02:
        return _instead_of_gb(head) or "gb18030"
    return _instead_of_gb(head) or "cp1252"


def decoded(data: bytes, charset: str = "") -> str | None:
    """The text with `\\n` as line ends, as `open(file)` gives it; U+FFFD for what is wrong in it. None for no text.
    `charset`: what its server or the text itself says; believed where the bytes are not plainly UTF-8."""
    encoding = encoding_of(data)
    stated = _stated(charset)
    if stated and encoding != "utf-8-sig" and (encoding != "utf-8" or (data.isascii() and b"\x1b" in data)):
        encoding = stated
    if encoding is None:
        return None
    return data.decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def _stated(charset: str) -> str | None:
    """As Python calls it; the wider set that browsers take for it. None for what is unknown or takes more than linear
    time, as UTF-7, punycode and their like."""
    try:
        name = codecs.lookup(charset.strip()[:40]).name
    except (LookupError, ValueError):
        return None
    return _WIDER.get(name, name) if _LINEAR.fullmatch(name) else None


def _damage(head: bytes, encoding: str) -> float:
    """The share of what is not ASCII that this encoding does not have; the cut end of `head` is not counted."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(head)
        return 0.0
    except UnicodeDecodeError:
        text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
        return text.count("\ufffd") / sum(character > "\x7f" for character in text)


def _unmarked_utf16(head: bytes) -> str | None:
    for encoding, zeros in (("utf-16-le", head[1:8192:2]), ("utf-16-be", head[:8192:2])):
        if zeros.count(0) > 0.7 * len(zeros) and head[:8192].count(0) == zeros.count(0):
            return encoding
    return None


def _instead_of_gb(head: bytes) -> str | None:
    """Big5 where that gives far more of the usual characters; Windows' Latin where all other bytes stand among its
    letters as accented ones do."""
    high = sum(byte > 0x7F for byte in head)
    if high == len(_LATIN_IN_GB.findall(head)):
        return "cp1252"
    if _damage(head, "big5hkscs") <= 0.02:
        usual = {name: len(_COMMON_HAN.findall(head.decode(name, "ignore"))) for name in ("big5hkscs", "gb18030")}
        if usual["big5hkscs"] > 2 * usual["gb18030"]:
            return "big5hkscs"
    return None
