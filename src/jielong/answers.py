r"""Answer rules: what counts as the answer in a text. Each gives a canonical text, or None: never a guess.

Thoughts (`<think>…</think>`) are dropped first; a thought that never ends is a truncated reply and holds no answer.
Then every rule climbs the same ladder and stops at the first rung that holds:

1. the last `\boxed{…}` (one that never closes is a truncated reply: no answer);
2. the last place where the text marks its answer: "The answer is …", "Answer: …", "答案：…", "#### …". People correct
   themselves forwards, so the last mark counts; "not 5 but 7" is 7; "if the answer is 5" is no mark;
3. what is usual for the kind of answer: the last bold number or last number, "choose B" or a lone letter,
   an opening "Yes," or a closing "So no", the last JSON value, the last code block.

"5 or 7", "A and C" are no answers. Only the end of a long reply (20,000 characters) is read, except for JSON and code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .answer_blocks import canonical_json, code, json
from .answer_marks import boxed, first_sentence, last_box, marked, said, stripped
from .contract import AnswerRule
from .numerals import Found, normalised, numbers, read

_TAIL = 20_000
_UNCLEAR = ""  # a place that names several answers: none of them is the answer, and no other place is asked


def _shown(text: str) -> str | None:
    shown = said(text)
    return None if shown is None else normalised(shown[-_TAIL:])


# ---- numbers ----


def number(text: str, /) -> str | None:
    r"""The number that the text gives as its answer: exact, canonical, without its unit; a percentage keeps its sign.

    `1,234.50 €` is `1234.5`, 三百二十一 is `321`, `\frac{1}{3}` is `1/3`, `5%` is `5%`. A marked answer that is
    mathematics but not one number (`2\sqrt{3}`, `[2, 5)`) is given as text, without spaces.
    """
    shown = _shown(text)
    if shown is None:
        return None
    box = last_box(shown)
    if box is not None:
        return (_measure(box) or None) if box else None
    places, rejected = marked(shown)
    for place in places:
        found = _measure(place)
        if found == _UNCLEAR:
            return None
        if found is not None and found not in rejected:
            return found
    return _bold(shown) or _last(shown)


def _measure(place: str) -> str | None:
    """The number or expression at a place that is said to hold the answer; _UNCLEAR if it is one of several."""
    place = re.sub(r"^\(?[A-J]\)[ ]{1,3}(?=[\d$\\-])", "", stripped(place))
    if latex := re.match(r"\$\$?(?=[^\s$])([^$]{1,300})(?<=[^\s])\$\$?(?!\d)|\\[(\[](.{1,300}?)\\[)\]]", place):
        place = (latex[1] or latex[2]).strip()
    if (one := read(place)) is not None:
        return str(one)
    sentence = first_sentence(place)
    definition = re.match(r"[A-Za-z]\w{0,3}(?:\([^()]{0,20}\))?\s?(?:=|∈|\\in\b)\s?([^=]+)$", sentence)
    if definition:
        sentence = definition[1].strip()
    if (one := read(sentence)) is not None:
        return str(one)
    if clock := re.match(r"\d{1,9}(?::\d{1,9}){1,3}", sentence):
        return clock[0]
    expression = expression_in(sentence)
    if expression:
        return expression
    found = numbers(sentence)
    if not found:
        return None
    return _conclusion(sentence, found)


_ALTERNATIVES = re.compile(r"^[\s,]{0,2}(?:\(?or\b|/|或者?|还是)|^\s?(?:-|to|~|至|到)\s?$")


def _conclusion(sentence: str, found: list[Found]) -> str:
    first = found[0]
    if len(found) > 1:
        between = sentence[first.end : found[1].start]
        opening = sentence[: first.start].lower()
        if len(between) <= 12 and _ALTERNATIVES.match(between) or re.search(r"\b(?:between|either)\s*$", opening):
            return _UNCLEAR
    an_equation = "=" in sentence and (first.start > 0 or re.match(r"[^,.;]{0,60}=", sentence[first.end :]))
    if an_equation and not re.match(r"\s?(?:because|since|as|for|so)\b|\s?[,;(]", sentence[first.end :]):
        after = [one for one in found if one.start > sentence.rindex("=")]
        return str(after[0]) if after else str(found[-1])
    if re.match(r"\s?(?:[-+*×÷^√]|\\times|\\cdot|\\div)\s?[\d($\\√]", sentence[first.end :]):
        return _UNCLEAR
    return str(first)


def _bold(shown: str) -> str | None:
    lines = [line for line in shown.splitlines() if line.strip()][-3:]
    end = "\n".join(lines)
    for bold in reversed(list(re.finditer(r"\*\*([^*\n]{1,80})\*\*", end))):
        heading = bold[1].rstrip().endswith((":", "：")) or re.match(r"\s?(?:step|第|\d{1,2}[.)]\s)", bold[1], re.I)
        followed = re.search(r"=\s?[-$\d]", end[bold.end() :])
        if not heading and not followed and (found := numbers(bold[1])):
            return str(found[-1])
    return None


_LIST_MARK = re.compile(r"^[ \t]{0,8}(?:\d{1,2}[.)])[ \t]+(?=\S)", re.M)
_HEADING = re.compile(r"^\W{0,6}step[ ]\d{1,3}", re.I)
_ASIDE = re.compile(
    r"\b(?:in|for|per|over|every|after|within|out of)\s(?:the\s|a\s|last\s|next\s|only\s|all\s){0,2}$", re.I
)


def _last(shown: str) -> str | None:
    """The last number of the last line with one; "72 dollars in 3 days" is 72."""
    whole = read(shown)
    if whole is not None:
        return str(whole)
    lines = _LIST_MARK.sub("", shown).splitlines()
    with_digits = any(re.search(r"\d", line) for line in lines)
    for line in reversed(lines):
        if with_digits and not re.search(r"\d", line):
            continue
        plain = re.sub(r"\*\*|__|`", "", _HEADING.sub("", line)) if "**" in line and "=" not in line else line
        found = numbers(plain)
        if not found or (not with_digits and len(found) == 1 and found[0].value == 1 and _in_english(plain)):
            continue
        for later, earlier in zip(reversed(found), [*reversed(found[:-1]), None], strict=True):
            aside = earlier and _ASIDE.search(plain[earlier.end : later.start])
            if not aside or re.search(r"[.!?。！？=]", plain[earlier.end : later.start] if earlier else ""):
                return str(later)
    first = _LIST_MARK.match(shown.strip())
    return str(numbers(first[0])[0]) if first and numbers(first[0]) else None


def _in_english(line: str) -> bool:
    return not re.search("[一-鿿]", line)


_KNOWN = {"sqrt", "pi", "sin", "cos", "tan", "log", "ln", "exp", "infty", "inf", "cup", "cap", "or", "and"}
_SIGNS = re.compile(
    r"\\(?:sqrt|pi|frac|infty|pm|log|ln|sin|cos|tan|le|ge|cup)|[√π∞≤≥∪^_]"
    r"|[\w)}]\s?[-+*/=<>]\s?[\w({\\]|\d[a-z]\b|[\[({].{0,80},.{1,80}[\])}]|^-?\w{1,9}(?:,\s?-?\w{1,9}){1,9}$"
)
_BRACKETED = re.compile(r"[\[(]\s?[^\s,()\[\]]{1,40}(?:\s?,\s?[^\s,()\[\]]{1,40}){1,5}\s?[\])]")


def expression_in(sentence: str) -> str | None:
    r"""The sentence as mathematics that is not one number, without spaces: `2\sqrt{3}`, `[2,5)`; None if it is prose."""
    core = sentence.strip().removesuffix(".").replace("$", "").strip()
    core = re.sub(r"(?<=[\d)}\]πa-z])\s(?:square |cubic )?[A-Za-z]{2,12}(?:\s?\^\{?\d\}?)?$", "", core)
    if (bracketed := _BRACKETED.match(core)) and re.match(r"\s|,|$", core[bracketed.end() :]):
        core = bracketed[0]
    if not core or len(core) > 200 or not _SIGNS.search(core) or re.search(r"[一-鿿]|\d/\d+/\d|\d:\d|\d-\d+-\d", core):
        return None
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+", " ", core))
    if any(word.lower() not in _KNOWN for word in words) or not re.search(r"\d|[a-zπ]", core):
        return None
    if re.search(r"\b(?:or|and)\b", core):
        return None
    return re.sub(r"(?<![A-Za-z])\s+|\s+(?![A-Za-z])", "", core)


# ---- choices ----

_MORE = re.compile(r"\s?(?:[,、/&和或与及]|and\b|or\b)\s?\(?[A-J](?![A-Za-z])")
_ARTICLE = re.compile(r"['’+-]|\s[a-z]")
_REASON = re.compile(r"\s(?:because|since|as|is|and|which|with|for|given|by|due|in|from|option)\b")
_CHOSEN = re.compile(
    r"(?:\b(?:choose|select|pick|go(?:ing)?\swith|opt\sfor|must\sbe|should\sbe|(?:correct|right|best)\s(?:option|choice|one)"
    r"(?:\sis|:))(?:\s(?:option|choice|answer|letter))?|故选|应选|选择?|选项为)[\s:*项]{0,4}\(?\**([A-J])(?![A-Za-z'’])"
    r"(?!\)?[、,]?\s?[A-J、](?![A-Za-z]))(?!\s?项?(?:是)?(?:错|不))"
    r"|(?<![A-Za-z、和与及或&])(?<!and\s)(?<!or\s)(?<!and\s\()(?<!or\s\()([A-J])\)?\**\s?"
    r"(?:is\s(?:the\s|indeed\s|clearly\s)?(?:correct|right|best|answer|true)|项?(?:是|为)?(?:正确|对的))"
)
_OPTION = re.compile(r"^[ \t>*-]{0,6}\(?([A-J])[).:、][ \t*]", re.M)


def choice(text: str, /) -> str | None:
    """The letter A to J that the text chooses; a marked answer without a letter is given as its text, short."""
    shown = _shown(text)
    if shown is None:
        return None
    box = last_box(shown)
    if box is not None:
        letter = _letter(box)
        return (box if letter is None and len(box) <= 100 else letter) or None
    places, rejected = marked(shown)
    for place in places:
        letter = _letter(place)
        if letter == _UNCLEAR:
            return None
        if letter is not None and letter not in rejected:
            return letter
    for found in reversed(list(_CHOSEN.finditer(shown))):
        return str(found[1] or found[2])
    if places and not _OPTION.search(shown):
        words = first_sentence(stripped(places[0])).strip(" .。*")
        return words if words and len(words) <= 100 else None
    return _lone_letter(shown)


def _letter(place: str) -> str | None:
    place = re.sub(r"^(?:the\s)?(?:option|choice|letter|选项)\s?", "", stripped(place), flags=re.I)
    if re.match(r"[A-J]{2,6}(?![A-Za-z])", place):
        return _UNCLEAR
    if lone := re.fullmatch(r"[\W_]*([A-Ja-j])[\W_]*", place):
        return lone[1].upper()
    if opening := re.match(r"[\s*_$({\[]{0,6}([A-J])(?![A-Za-z0-9_])", place):
        rest = place[opening.end() :]
        bare = not re.match(r"[)\]}*.:]", rest)
        if _MORE.match(rest.lstrip(")*")):
            return _UNCLEAR
        if not (bare and (re.match(r"['’+-]", rest) or (opening[1] in "AI" and re.match(r"\s[a-z]", rest)))) or (
            _REASON.match(rest)
        ):
            return opening[1]
    inner = set(re.findall(r"\(([A-J])\)|(?:option|choice|letter|选项)\s?\(?([A-J])(?![A-Za-z])", place[:300]))
    letters = {a or b for a, b in inner}
    return None if not letters else letters.pop() if len(letters) == 1 else _UNCLEAR


def _lone_letter(shown: str) -> str | None:
    if lone := re.fullmatch(r"[\W_]*([A-Ja-j])[\W_]*", shown[:40] if len(shown) <= 40 else "."):
        return lone[1].upper()
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    listed = _OPTION.findall(shown)
    last = lines[-1] if lines else ""
    closing = re.match(r"[\W_]{0,4}([A-J])(?:[).:、](?=\s|\*|$)|\*|\W{0,3}$)", last)
    if closing and (len(set(listed)) < 2 or listed.count(closing[1]) > 1 or not _OPTION.match(last)):
        return closing[1]
    opening = re.match(r"[\s*_]{0,4}\(?([A-J])[).:、][\s*]", shown)
    if opening and len(set(listed)) < 2 and not re.search(r"\([A-J]\)", shown[opening.end() : opening.end() + 200]):
        return opening[1]
    strict = re.findall(
        r"\(([A-J])\)|\*\*\(?([A-J])\)?\*\*|\b(?:therefore|so|thus|hence|it\sis|it's|因此|所以)[\s,:]{1,3}([B-HJ])(?![A-Za-z'’])",
        last,
        re.I,
    )
    letters = {letter.upper() for group in strict for letter in group if letter}
    return letters.pop() if len(letters) == 1 else None


# ---- yes or no ----

_NO = (
    r"\b(?:not|n't|never|cannot be|isn't|wasn't)\s(?:quite\s|at all\s)?(?:correct|true|right)\b"
    r"|\b(?:is|are|was|be|it's|that's|as)\s(?:\w{1,12}\s)?(?:false|incorrect|wrong|untrue)\b"
    r"|不正确|不对|不成立|错误的?|错的|不是的"
)
_YES = (
    r"\b(?:not|n't|isn't)\s(?:false|incorrect|wrong|untrue)\b"
    r"|\b(?:is|are|was|be|it's|that's|as)\s(?:\w{1,12}\s)?(?:true|correct|right)\b(?!\s(?:of|angle|triangle|side|hand))"
    r"|(?:是|说法|完全)?正确|没错|对的|是对|成立|不是错误"
)
_VERDICT = re.compile(rf"(?P<yes>{_YES})|(?P<no>{_NO})", re.I)
_OPENING = re.compile(
    r"[\s*_\"'“(]{0,6}(?:(?P<yes>yes|yeah|true|correct|right|正确|没错|是的|对的|是|对)"
    r"|(?P<no>no|nope|false|incorrect|wrong|not\s(?:true|correct|right)|不正确|不对|不是|错误|错的|否|错))"
    r"(?=[\s*_\"'”)]{0,4}(?:[,.;:!。;…—-]|$|\n)|\s(?:because|since|as)\b)(?!\s?[-/])",
    re.I,
)
_CLOSING = re.compile(
    r"\b(?:so|therefore|thus|hence|answer)[,:]?\s{1,2}(?:the\sanswer\sis\s)?(?P<verdict>yes|no|true|false)\s?[.!*]{0,3}\s*$"
    r"|(?:因此|所以)[,:]?(?P<han>是|否|对|错|不是|不对)[。.!]?\s*$",
    re.I,
)


def yes_no(text: str, /) -> str | None:
    """`yes` or `no` (true, correct, 是, 对 … or their opposites); "yes and no" and "it depends" are no answer."""
    shown = _shown(text)
    if shown is None:
        return None
    box = last_box(shown)
    if box is not None:
        return _verdict(box)
    places, _ = marked(shown)
    for place in places:
        if verdict := _verdict(stripped(place)):
            return verdict
    if closing := _CLOSING.search(shown[-200:]):
        word = (closing["verdict"] or closing["han"]).lower()
        return "yes" if word in ("yes", "true", "是", "对") else "no"
    if opening := _verdict(shown, opening_only=True):
        return opening
    return _verdict(shown)


def _verdict(place: str, *, opening_only: bool = False) -> str | None:
    if re.match(r"\W*(?:yes\s(?:and|or|/)\s?no|neither)\b", place, re.I):
        return None
    if opening := _OPENING.match(place):
        return "yes" if opening["yes"] else "no"
    if opening_only:
        return None
    last = None
    for found in _VERDICT.finditer(place):
        asked = re.match(r"[^.!。\n]{0,80}[?？]", place[found.end() :]) or re.search(
            r"\b(?:whether|if|neither)\s[^.\n]{0,60}$", place[max(0, found.start() - 60) : found.start()]
        )
        last = last if asked else found
    return None if last is None else "yes" if last["yes"] else "no"


# ---- texts, and the rule for answers of any kind ----


def exact(text: str, /) -> str | None:
    """The boxed or marked answer, else the whole reply: spaces made single, without outer quotes and full stop."""
    shown = _shown(text)
    if shown is None:
        return None
    places, _ = marked(shown)
    box = last_box(shown)
    if box == "":
        return None
    return _plain_text(box or next(iter(places), shown))


def _plain_text(text: str) -> str | None:
    text = re.sub(r"\s+", " ", text.strip()).strip("*`\"'“”。 ").removesuffix(".")
    return text.strip("*`\"'“” ") or None


def contains(text: str, /) -> str | None:
    """The whole reply: whether an accepted answer occurs in it is for the metric."""
    shown = said(text)
    return (shown.strip() or None) if shown is not None else None


def final_answer(text: str, /) -> str | None:
    """The rule of votes on tasks of unknown kind: box, marked answer, then number, choice, yes or no, one short line."""
    shown = _shown(text)
    if shown is None:
        return None
    box = last_box(shown)
    if box is not None:
        return _ballot(box) if box else None
    places, _ = marked(shown)
    for place in places:
        if (vote := _ballot(place)) is not None:
            return vote
    whole = shown.strip()
    one_line = len(whole) <= 200 and "\n" not in whole
    if one_line and re.match(r"\W{0,3}[A-J](?:[).:]|\W{0,3}$)", whole) and (letter := choice(whole)):
        return letter
    if one_line and (verdict := _verdict(whole, opening_only=True)):
        return verdict
    if (found := number(shown)) is not None:
        return found
    short = _plain_text(whole) if one_line and len(whole) <= 60 else None
    return choice(shown) or yes_no(shown) or short


def _ballot(place: str) -> str | None:
    place = stripped(place)
    sentence = first_sentence(place)
    letter = _letter(place)
    if letter and re.match(r"\W{0,4}[A-J](?:\W|$)", place):
        return letter
    if verdict := _verdict(place, opening_only=True):
        return verdict
    measured = _measure(place)
    if measured and ":" not in measured:
        found = numbers(sentence)
        starts = read(sentence) is not None or not found or found[0].start == 0 or expression_in(sentence)
        if starts or "=" in sentence or len(sentence.split()) > 3:
            return measured
    return _plain_text(sentence)


__all__ = ["RULES", "canonical_json", "expression_in", "final_answer", "number"]

RULES: Mapping[str, AnswerRule] = {
    rule.__name__: rule for rule in (number, choice, exact, contains, json, code, yes_no, final_answer, boxed)
}
