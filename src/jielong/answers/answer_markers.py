r"""Where a text says that its answer is: `\boxed{…}`, "The answer is …", "Answer: …", "答案：…", "#### …", <answer>.

Every pattern is bounded: 1 MB of braces, spaces or "answer" takes no longer than reading it.
"""

import re

from .number_formats import find_numbers, normalised
from .structured_reply import answer_field
from .thoughts import without_thoughts

SEVERAL_ANSWERS = ""  # a place that names several answers: none of them is the answer, and no other place is asked
_TAIL = 20_000
_LONGEST_BOX = 10_000


def readable_end(text: str) -> str | None:
    """The end of the text without thoughts, `normalised`: what the rules for short answers look at. Of a reply that is
    a JSON object, the field that is its answer."""
    readable = without_thoughts(text) or ""
    field = answer_field(readable) if "}" in readable else None
    return normalised((readable if field is None else field)[-_TAIL:])


_CORRECTION = re.compile(
    r"(?<![A-Za-z])(?:wait|hold\son|oops|scratch\sthat|correction|let\sme\scorrect\s(?:that|this|myself)|my\smistake)"
    r"\s?[,:.!…—–-]|(?:等等|等一下|啊|哦)[,，。…]{0,3}\s?(?:不对)?[,，。:：—]|(?:我(?:弄|算|说|看)错了|更正(?:一下)?)[,，。:：]",
    re.I,
)


def behind_correction(text: str) -> str | None:
    """What follows the last place where the text takes itself back: "Yes … wait, no."; None where it does not."""
    end = text[-_TAIL:]
    last = next(reversed(list(_CORRECTION.finditer(end))), None)
    return end[last.end() :] if last and re.search(r"\w", end[: last.start()]) else None


def boxed(text: str, /) -> str | None:
    r"""What stands in the last `\boxed{…}` that is not empty, with balanced braces."""
    readable = without_thoughts(text)
    return None if readable is None else last_box(readable) or None


_TWO_BOXES = re.compile(r"\\boxed\{([^{}]{1,80})\}\$?\s?(?:or|and|或|和)\s?\$?\\boxed\{(?!\1\})[^{}]{1,80}\}[^\\]*$")


def last_box(readable: str) -> str | None:
    r"""As `boxed`; "" when the last box never closes or is one of two (\boxed{7} or \boxed{8}), None without any."""
    if _TWO_BOXES.search(readable):
        return SEVERAL_ANSWERS
    for opening in reversed(list(re.finditer(r"\\f?box(?:ed)?[ ]?\{|\\boxed[ ]([^\s{}$.]{1,40})", readable))[-8:]):
        if opening[1]:
            return opening[1]
        depth = 1
        for brace in re.finditer(r"\\[{}\\]|[{}]", readable[opening.end() : opening.end() + _LONGEST_BOX]):
            depth += (brace[0] == "{") - (brace[0] == "}")
            if depth == 0:
                if inner := readable[opening.end() : opening.end() + brace.start()].strip():
                    return inner
                break
        else:
            return ""
    return None


_MARK = re.compile(
    r"(?P<hash>^[ \t]{0,3}\#{4}(?!\#))"
    r"|<answer>|^[ \t#*>_]{0,12}(?:the[ ]|my[ ])?(?:final[ ]|correct[ ])?answer[ \t*_:.]{0,6}$"
    r"|\b(?:answers?|ans)\b[^\n.:=!?;。]{0,60}?"
    r"(?:\s(?:is|are|was|(?:would|should|must|will)(?:[ ]\w{1,10}ly)?[ ]be|comes[ ]to|equals|remains"
    r"|(?:seem|appear|look)s?[ ](?:to[ ]be|like))\b(?P<n>n't)?[:]?|[:=])"
    r"|(?:答案|(?<![回作])答(?=[ ]?:))[^\n。:;,?]{0,10}?(?P<bu>不)?(?:是(?!否[^定。.,!\s])|为|选|[:=])[:]?",
    re.I | re.M,
)
_SEEMS_NOT = re.compile(r"(?:\bnot|n['’]t|\bnever)\s(?:seem|appear|look)", re.I)
_SUPPOSED = re.compile(
    r"\b(?:if|whether|suppose|assume|assuming|unless|when)\s(?:\w{1,10}\s){0,2}$|如果\w{0,4}$|假设\w{0,4}$", re.I
)
_NOT = re.compile(
    r"\s{0,2}(?:(?:definitely|certainly|clearly|obviously|surely|simply|probably|绝对|肯定|应该)\s?)?"
    r"(?:not(?!\sonly)|n['’]t|no\slonger|never|neither|并?不是|并非)\s?",
    re.I,
)
_BUT = re.compile(r"\b(?:but(?:\srather)?|it'?s|it\sis|rather|instead)\b\s?|而?是", re.I)


def marked_answers(readable: str) -> tuple[list[str], frozenset[str]]:
    """The places where the text says that its answer follows, the last one first; and what it says it is not."""
    places: list[str] = []
    rejected: set[str] = set()
    for mark in reversed(list(_MARK.finditer(readable))[-16:]):
        rest = readable[mark.end() : mark.end() + 2000].partition("</answer>")[0]
        if mark["hash"] is not None:
            line, _, later = rest.partition("\n")
            if later.strip() and not re.match(r"[\s*$€£¥]{0,4}[-+]?[\d.(]", line):
                continue  # a heading, not the mark of GSM8K
        elif _SUPPOSED.search(readable[max(0, mark.start() - 40) : mark.start()]):
            continue
        negation = _NOT.match(rest)
        if negation and not re.search(r"\w", rest[negation.end() :].partition("\n")[0]):
            negation = None  # 答案：不是
        if negation or mark["n"] or mark["bu"] or _SEEMS_NOT.search(mark[0]):
            rest = rest[negation.end() :] if negation else rest
            sentence = rest[:120].partition("\n")[0]
            other = _BUT.search(sentence)
            if other is None:
                rejected |= {str(figure) for figure in find_numbers(normalised(sentence))}
                rejected |= set(re.findall(r"^\W{0,3}([A-J])(?![A-Za-z])", sentence))
                continue
            rest = rest[other.end() :]
        place = next((line for line in rest.splitlines() if re.search(r"[^\s*_:#>`|-]", line)), "").strip()
        if place:
            places.append(place)
    return places, frozenset(rejected)


_DRESS = re.compile(
    r"\*{1,3}|(?<!\w)_{1,2}(?=\w)|(?<=\w)_{2}(?!\w)|(?<=\w)_(?=[\s.,]|$)|`{1,3}|</?(?:b|i|strong|em|u|code)>"
)
_FILLER = re.compile(
    r"(?:therefore|thus|hence|clearly|simply|definitely|obviously|indeed|approximately|approx\.?|about|around|roughly|"
    r"exactly|nearly|almost|still|again|then|now|most\slikely|probably|(?:seem|appear|look)s?\s(?:to\sbe|like)|大约|大概|约为?|≈|~|\\approx|应该|应|就?是|为)(?=[^a-z])"
    r"[\s,:]{0,3}",
    re.I,
)


def without_decoration(place: str) -> str:
    """A place without markdown and without "therefore", "approximately", "约" before the answer."""
    if not re.search(r"\w\s?\*\s?\d", place):
        place = _DRESS.sub("", place)
    place = place.strip(
        " \t:>|-=→" if re.match(r"\s*(?:[:>|=→]|-\s)", place) and not re.match(r"\s*-\s?\d", place) else " \t"
    )
    for _ in range(3):
        place = _FILLER.sub("", place, count=1) if _FILLER.match(place) else place
    return place.strip()


def first_sentence(place: str) -> str:
    """Up to the first full stop that ends a sentence: one followed by a space, or 。 or the end."""
    for end in re.finditer(r"(?<![A-Z])[.!?](?=\s|$)|[。!?;；](?=.)|[。！？]", place):
        an_equation_follows = end[0] == ";" and "=" in place[end.end() :]
        if (
            end.start()
            and not an_equation_follows
            and not _ABBREVIATION.search(place[max(0, end.start() - 6) : end.start()])
        ):
            return place[: end.start()].strip()
    return place.strip()


_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Jr|Sr|Prof|No|vs|approx|ca|Inc|Co|Ltd|Mt|U\.S)$")
