"""The letter that a reply chooses: A to J, and in brackets or alone as the answer to Z.

The article of "A train leaves" is no choice, nor are "vitamin C", "5 A", the options that a reply repeats, or two
letters at once. A list with a verdict on each option chooses the one that it calls right.
"""

import re
from collections.abc import Iterator

from .answer_markers import (
    SEVERAL_ANSWERS,
    behind_correction,
    first_sentence,
    last_box,
    marked_answers,
    readable_end,
    without_decoration,
)
from .statements import is_denied, verdict_of

_BECAUSE = r"(?:(?:because|since|as|given|due\sto|for\sthe\sreason)\b|因为|由于|理由|原因)"
_AS = rf"[)*,]{{0,3}}\s?\(?{_BECAUSE}"
_END = r"(?![A-Za-z0-9_'’])"
_MORE = re.compile(r"[)*\s]{0,3}(?:[,、/&和或与及]|and\b|or\b)\s?\(?[A-Z]" + _END)
_ARTICLE = re.compile(r"['’+-]|\s(?!(?:because|since|as|is|and|which|with|for|given|by|due|in|from|option)\b)[a-z]")

_CHOOSE = re.compile(  # "I choose B", "the correct option is (C)", "which leaves D", 故选D
    r"(?:\b(?i:choose|select|pick|go(?:ing)?\s(?:with|for)|opt\sfor|must\sbe|should\sbe|leav(?:es|ing)(?:\s(?:us|me)\swith)?"
    r"|(?:seem|appear|look)s?\s(?:to\sbe|like)"
    r"|(?:correct|right|best|my)\s(?:option|choice|one)(?:\sis|:)|letter\sis)(?:\s(?:option|choice|answer|letter|only))?"
    r"|答案|故选|应选|选择?|只剩下?|选项[是为]|[认以]为[是选]|[觉看猜想][得来]?[是选]|应该[是选])[\s:*项]{0,4}\(?\**(?P<a>[A-J])"
    + _END
    + r"(?!\)?(?!,\s?[A-J](?:[、和与及或][A-J])*选?项?[都均皆]?(?:不|错|没|有误|太))[、,或和与]?\s?[A-J、](?![A-Za-z]))"
    r"(?!\s?项?(?:是)?(?:错|不))"
    # "C is correct", (B) must be true, "only (B) fits", 选项A正确; not "A and C are", A、B、C都不对
    r"|(?<![A-Za-z、和与及或&])(?<!and\s)(?<!or\s)(?<!and\s\()(?<!or\s\()(?P<b>[A-J])\)?\**\s?"
    r"(?:(?:is|must\sbe|(?:seem|appear)s(?:\sto\sbe)?|looks(?:\slike)?)\s(?:the\s|my\s|indeed\s|clearly\s|only\s|final\s|right\s|correct\s|best\s){0,3}"
    r"(?:correct|right|best|answer|choice|option|one|true)\b|it\sis\b|选?项?(?:是|为)?(?:正确|对的?(?!应)))"
    r"|\b[Oo]nly\s(?:option\s)?\(?\**(?P<c>[A-J])\)?\**\s(?:fits|remains|works|is\b|can\b|matches|satisfies|makes)"
)
_SHORT_MARK = re.compile(  # a line that ends with "Answer D", "option E", "Ans: A"
    r"\b(?:[Aa]nswer|ANSWER|[Aa]ns|ANS|[Oo]ption|OPTION|[Cc]hoice|[Cc]orrect(?=:))\b"
    r"[\s:.()>*=-]{0,4}([A-J]|[a-j](?<=: [a-j]))"
    rf"(?:[).*\]\s]{{0,4}}$|{_AS})",
    re.M,
)
_OPTION = re.compile(r"^[ \t>*-]{0,6}\(?([A-Z])[).:、][ \t*]", re.M)
_LAST_LETTER = re.compile(
    r"\(([A-Z])\)|\*\*\(?([A-J])\)?\*\*"
    r"|(?:\b(?:[Tt]herefore|[Ss]o|[Tt]hus|[Hh]ence|[Ii]t\sis|[Ii]t's)|因此|所以)[\s,:]{1,3}([B-HJ]"
    + _END
    + r"|A[\s.]{0,3}$)"
    r"|(?<![Oo]r )\b(?:[Mm]aybe|[Pp]erhaps|[Pp]robably|[Gg]uess|[Tt]hink)[ ](?:it's[ ])?\(?([A-J])\)?[.。]?$"
    r"|(?:(?<!so )\b(?:is|be)|[是为])[ ]?\(?([B-J])\)?[.。]?$"
)


_REASONED = re.compile(rf"[\s*_]{{0,4}}\(?([A-J]|[b-h]){_AS}")  # whatever letters its reason holds
_AFTER_REASON = re.compile(
    rf"\s{{0,4}}(?i:{_BECAUSE})[^\n]{{1,400}},\s?\(?([A-J])\)?[.。]?\s*$"
)  # "Since a car moves, B."
_OPENING = re.compile(  # "B) 21", "B because a car moves", "B, a car moves", "B - a car moves"; not "A car moves"
    r"[\s*_]{0,4}(?:(?:[Oo]ption|[Cc]hoice|选项)\s?)?\(?([A-J])"
    rf"(?:[).:、][\s*]|。|\s?\([^()\n]{{2,80}}\)\W{{0,3}}$|[ \t]{{0,4}}\n|,\s(?:(?:al)?though|but)\b|{_AS}"
    r"|(?<!I)[,;]\s(?=\w+\s\w)|(?<!I)\s[-–—]\s)"
)
_HEDGED = re.compile(  # "I think B, given that …", "Probably C because …"
    r"\b(?:[Ii]\s(?:think|believe|guess|suppose|would\ssay)|(?i:probably|maybe|perhaps|most\slikely|definitely|clearly|certainly|surely|obviously))\s"
    rf"(?:it(?:['’]?s|\sis)\s)?\(?([A-J])\)?(?=,?\s{_BECAUSE})"
)


def choice(text: str, /) -> str | None:
    """The letter that the text chooses; a marked answer without a letter is given as its text, if it is short."""
    if (corrected := behind_correction(text)) and (answer := choice(corrected)):
        return answer
    readable = readable_end(text) or ""
    box = last_box(readable)
    letter = letter_at(box) if box else None
    if box == "" or letter is not None:
        return letter or None
    places, rejected = marked_answers(readable)
    for place in places:
        letter = letter_at(place)
        if letter == SEVERAL_ANSWERS:
            return None
        if letter is not None and letter not in rejected:
            return letter
    if reasoned := _REASONED.match(readable) or _AFTER_REASON.match(readable):
        return reasoned[1].upper()
    if (judged := _judged(readable)) is not None:
        return judged or None
    if short := list(_SHORT_MARK.finditer(readable)):
        return short[-1][1].upper()
    # "None of the options A to D is correct" and "does not seem to be A" choose nothing.
    if chosen := [each for each in _CHOOSE.finditer(readable) if not is_denied(readable, each.start(), each.start())]:
        return chosen[-1]["a"] or chosen[-1]["b"] or chosen[-1]["c"]
    if box:  # without a letter it does not beat a marked one
        return box if len(box) <= 100 else None
    if places and not _OPTION.search(readable):
        words = first_sentence(without_decoration(places[0])).strip(" .。*")
        return words if words and len(words) <= 100 else None
    return _unmarked(readable, rejected)


def letter_at(place: str) -> str | None:
    """The letter at a place that is said to hold the answer; SEVERAL_ANSWERS if there are several, None if none."""
    place = re.sub(r"^\W{0,2}(?:the\s)?(?:option|choice|letter|选项)\s?", "", without_decoration(place), flags=re.I)
    if lone := re.fullmatch(r"[\W_]*([A-Za-j])[\W_]*", place):
        return lone[1].upper()
    if small := re.match(r"[\s*_]{0,4}\(([a-j])\)(?!\s?(?:or|and|,)\s?\()", place):
        return small[1].upper()
    if re.match(r"[A-J]{2,6}(?![A-Za-z])", place):
        return SEVERAL_ANSWERS
    if opening := re.match(r"[\s*_$({\[]{0,6}([A-Z])(?![A-Za-z0-9_])", place):
        letter, rest = opening[1], place[opening.end() :]
        if _MORE.match(rest):
            return SEVERAL_ANSWERS
        delimited = re.match(r"[)\]}*.:]", rest)
        if delimited or (letter <= "J" and not (_ARTICLE.match(rest) and (letter in "AI" or rest[0] in "'’+-"))):
            return letter
    inner = re.findall(r"\(([A-Z])\)|(?:option|choice|letter|选项)\s?\(?([A-J])" + _END, place[:300])
    letters = {a or b for a, b in inner}
    return None if not letters else letters.pop() if len(letters) == 1 else SEVERAL_ANSWERS


_HEAD = re.compile(  # "B)", "Option B –", "B is", "B ❌", 选项B, where a line or sentence begins or behind a verdict
    r"(?:(?P<line>^[^A-Za-z\n一-鿿]{0,12})|(?<=[.,;。;])[ ]?|(?<=[✅❌✔✘✗✓️])[ ])"
    r"(?:(?:[Oo]ption|OPTION|[Cc]hoice|选项)[ ]?)?"
    r"\(?\**(?P<letter>[A-J]|^[a-j](?=\)))"
    r"(?:\)|(?=[\s.:、|项选对错正不(是—–✅❌✔✘✗✓*-]|$))(?![ ][a-z]{1,12}[ ](?!not|is|are))",
    re.M,
)


def _judged(readable: str) -> str | None:
    """The one option that a list with verdicts calls right; SEVERAL_ANSWERS for two, None without a list."""
    verdicts: dict[str, bool] = {}
    for letter, line in _options(readable):
        verdict = verdict_of(line)
        if verdict is not None:
            verdicts[letter] = verdict
    right = [letter for letter, verdict in verdicts.items() if verdict]
    if len(verdicts) < 2 or (not right and len(verdicts) < 3):
        return None
    return right[0] if len(right) == 1 else SEVERAL_ANSWERS if right else None


def _options(readable: str) -> Iterator[tuple[str, str]]:
    """Each option with what is said of it: up to the next one, or to an empty line."""
    heads = list(_HEAD.finditer(readable))
    ends = [*(head.start() for head in heads[1:]), len(readable)]
    for head, end in zip(heads, ends, strict=False):
        about = readable[head.end() : end]
        yield head["letter"].upper(), (head["line"] or "") + re.split(r"\n\s*\n", about.strip())[0]


def _unmarked(readable: str, rejected: frozenset[str]) -> str | None:
    """A lone letter, a last line or a beginning such as "B) 21", or the only letter that the last line points at."""
    reply_text = readable.strip()
    if len(reply_text) <= 40 and (lone := re.fullmatch(r"[\W_]*([A-Za-j])[\W_]*", reply_text)):
        return lone[1].upper()
    last = reply_text.splitlines()[-1].strip() if reply_text else ""
    listed = _OPTION.findall(readable)
    lists_options = len(set(listed)) > 1
    closing = re.match(r"[\W_]{0,4}([A-J])(?:[).:、](?=\s|\*|$)|\*|\W{0,3}$)", last)
    if closing and _MORE.match(last, closing.end(1)):
        return None
    if closing and (not lists_options or listed.count(closing[1]) > 1 or not _OPTION.match(last)):
        return closing[1]
    opening = _OPENING.match(reply_text)
    if opening and _MORE.match(reply_text, opening.end(1)):
        return None
    if opening and not lists_options and not re.search(r"\([A-J]\)", reply_text[opening.end() : opening.end() + 200]):
        return opening[1]
    if hedged := _HEDGED.search(reply_text):
        return hedged[1]
    if alone := re.search(r"[.!。]\s?\(?([B-J])\)?[.。]?$", last):
        return alone[1]
    letters = {letter[0] for groups in _LAST_LETTER.findall(last) for letter in groups if letter} - rejected
    return letters.pop() if len(letters) == 1 else None
