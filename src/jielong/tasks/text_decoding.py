"""The text of a file whose encoding nobody tells: UTF-8, UTF-16 and UTF-32, GB18030 (so GBK), Windows-1252.

Bytes that are no UTF-8 can be read in many ways, most of them wrong. So an encoding counts only where the result looks
like a text: common Chinese characters, or single accented letters among plain ones. Everything else is refused.
"""

import codecs
import re
from pathlib import Path

from ..errors import BadInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Every third character of Chinese texts is one of these; of other bytes that are read as Chinese, one in thirty.
_COMMON = frozenset(
    "的一是不了在人有我他这个上们来到时大地为子中你说生国年着就那和要出也得里后自以会家可下而过天去能对小多然于心学么之都好看起发当没成"
    "只如事把还用第样道想作开总从无面最女但现前所同日手又行意动方期它头经长位分老因很给名法间知什两次使身者高其进此话常与正"
    "问题答案输入文本标签类别目确参考准选项少几哪谁吗元个字，。？！：；、（）《》“”"
)


def decode(file: Path, data: bytes) -> tuple[str, str | None]:
    """The text, and the name of its encoding where a person should check it. Raises BadInput."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(file, data, encoding), None
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
    for encoding, name, is_plausible in (("gb18030", "GB18030", _chinese), ("cp1252", "Windows-1252", _western)):
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


def _chinese(text: str) -> bool:
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


def _western(text: str) -> bool:
    """Accented letters stand alone among plain ones, and no sign stands within a word."""
    special = re.findall(r"[^\x00-\x7f]+", re.sub("[“”‘’„‚–—…•«»€£°§¿¡]", " ", text))
    letters = [run for run in special if len(run) == 1 and run.isalpha() and run not in "ªºµ"]
    within = re.search(r"[A-Za-z][^\W\d_’‘·\-–]{0,40}[^\w\s\x00-\x7f’‘·–—…/]\w{0,40}[a-z]", text)
    return bool(re.search("[A-Za-z]{2}", text)) and len(letters) >= 0.6 * len(special) and within is None
