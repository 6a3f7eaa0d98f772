"""Bytes of texts that somebody else wrote → characters: by the mark of their encoding, else UTF-8, else GB18030.

A detector that guesses from letters takes a short Chinese text for Korean or Cyrillic, so it comes last. GB18030 in its
turn takes almost anything; it is believed where its characters are ones that Chinese texts are made of.
"""

from __future__ import annotations

import codecs
import re

from ..bounded_json import well_formed

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ESCAPE = re.compile(r"\\u(?!00[0-7])([0-9a-fA-F]{4})")  # those of ASCII mean something in JSON
_LINEAR = re.compile(
    r"utf-(?:8|16|32)(?:-[lb]e)?(?:-sig)?|ascii|iso8859-\d{1,2}|cp\d{2,5}|gb\w{1,6}|big5\w{0,6}|shift_jis\w{0,6}"
    r"|euc_\w{2,12}|koi8-\w|mac-\w{3,12}|tis-620|iso2022_\w{2,8}"
)
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "iso8859-1": "cp1252", "ascii": "cp1252"}
_WIDER |= {"shift_jis": "cp932", "euc_kr": "cp949"}
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_HEAD = 1 << 16  # bytes that are looked at
_SLIGHT = 0.02  # share of what is not ASCII that may be wrong
_USUAL = frozenset(
    "的一是不了在人有我他我這這中大來来上個个國国和也到說说為为學学會会們们對对發发與与於于之以其生日年月"
)
# Every third character of Chinese texts is one of these; of other bytes that are read as Chinese, one in thirty.
_COMMON = frozenset(
    "的一是不了在人有我他这个上们来到时大地为子中你说生国年着就那和要出也得里后自以会家可下而过天去能对小多然于心学么之都好看起发当没成"
    "只如事把还用第样道想作开总从无面最女但现前所同日手又行意动方期它头经长位分老因很给名法间知什两次使身者高其进此话常与正"
    "问题答案输入文本标签类别目确参考准选项少几哪谁吗元个字，。？！：；、（）《》“”"
)


def encoding_of(data: bytes) -> str | None:
    """The encoding of a text that begins like this, as `bytes.decode` takes it; None for what is no text."""
    if marked := marked_encoding(data):
        return marked
    head = data[:_HEAD]
    if b"\0" in head[:8192]:
        return _unmarked_utf16(head)
    if head.isascii() and (first := _BEYOND_ASCII.search(data, _HEAD)):
        head = data[first.start() : first.start() + _HEAD]
    if _damage(head, "utf-8") <= _SLIGHT:
        return "utf-8"
    in_gb = head.decode("gb18030", "replace")
    if not looks_chinese(in_gb):
        in_big5 = head.decode("big5hkscs", "replace")
        if _damage(head, "big5hkscs") <= _SLIGHT and _usual(in_big5) > 2 * _usual(in_gb):
            return "big5hkscs"
        if looks_western(head.decode("cp1252", "replace")):
            return "cp1252"
    return "gb18030" if _damage(head, "gb18030") <= _SLIGHT else "cp1252"


def marked_encoding(data: bytes) -> str | None:
    """By the mark at its beginning."""
    return next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)


def decoded(data: bytes, charset: str = "") -> str | None:
    """The text with `\\n` as line ends, as `open(file)` gives it; U+FFFD for what is wrong in it. None for no text.
    `charset`: what its server or the text itself says; believed where the bytes are not plainly UTF-8."""
    encoding = encoding_of(data)
    stated = _stated(charset)
    if stated and encoding != "utf-8-sig" and (encoding != "utf-8" or (data.isascii() and b"\x1b" in data)):
        encoding = stated
    if encoding is None or (b"\0" in data[:8192] and not encoding.startswith(("utf-16", "utf-32"))):
        return None  # no other encoding of a text has bytes of zero
    return data.decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def unescaped(text: str) -> str:
    """JSON that stands in a text may write Chinese as escapes."""
    return well_formed(_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)) if "\\u" in text else text


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


def _usual(text: str) -> int:
    return sum(letter in _USUAL for letter in text)


def looks_chinese(text: str) -> bool:
    """Enough common characters: so Chinese, and not Big5, Korean or Thai read as such."""
    letters = [letter for letter in text if letter > "\x7f"]
    if len(letters) < 8:  # of a handful none may be common; that all are in GB 2312 must do
        return all(map(_in_gb2312, letters))
    return sum(letter in _COMMON for letter in letters) > 0.12 * len(letters)


def _in_gb2312(letter: str) -> bool:
    try:
        return bool(letter.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def looks_western(text: str) -> bool:
    """Accented letters stand alone among plain ones, and no sign stands within a word."""
    special = re.findall(r"[^\x00-\x7f]+", re.sub("[“”‘’„‚–—…•«»€£°§¿¡]", " ", text))
    letters = [run for run in special if len(run) == 1 and run.isalpha() and run not in "ªºµ"]
    within = re.search(r"[A-Za-z][^\W\d_’‘·\-–]{0,40}[^\w\s\x00-\x7f’‘·–—…/]\w{0,40}[a-z]", text)
    return bool(re.search("[A-Za-z]{2}", text)) and len(letters) >= 0.6 * len(special) and within is None
