"""Which one of several names a reply means: the labels of a task, or the texts of an item's choices.

Exactly one must be meant. The longest name that stands at a place is the one that is read there ("not the same" is no
"same"); a name that is denied, compared with or only asked about is not meant; several are none.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .answer_markers import (
    behind_correction,
    first_sentence,
    last_box,
    marked_answers,
    readable_end,
    without_decoration,
)
from .number_formats import normalised
from .statements import GIVES_UP, is_aside, is_denied, verdict_of


@dataclass(frozen=True, slots=True)
class _Mention:
    name: str
    start: int
    end: int


def named_answer(text: str, names: Sequence[str]) -> str | None:
    """The one name that the text means, as it is written in `names`; None where it means none or several.

    The boxed or marked answer decides first; then a verdict on each name, the opening, the conclusion, the whole text.
    """
    if not names:
        return None
    if (corrected := behind_correction(text)) and (answer := named_answer(corrected, names)):
        return answer
    readable = readable_end(text) or ""
    for place in _places(readable, names):
        if mentions := _mentions(place, names):
            return _meant(place, mentions, names)
    reply_text = readable.strip()
    mentions = _mentions(reply_text, names)
    if not mentions:
        return None
    if verdicts := _verdicts(reply_text, names):
        accepted = [name for name, verdict in verdicts.items() if verdict]
        return accepted[0] if len(accepted) == 1 else None
    if _opens(reply_text, mentions):
        return mentions[0].name
    for conclusion in reversed(list(_CONCLUSION.finditer(reply_text))):
        if meant := _meant(conclusion[0], _mentions(conclusion[0], names), names):
            return meant
    return _meant(reply_text, mentions, names)


_COLON = re.compile(r"^[^\n:]{1,40}:[*_\s]{0,4}(\S[^\n:]{0,60})$", re.M)  # "Category: **billing**"
_CONCLUSION = re.compile(
    r"(?:\b(?:so|therefore|thus|hence|overall|in\sconclusion|final(?:ly)?|i(?:\swould|['’]d)\s(?:say|label|classify|go))\b"
    r"|因此|所以|综上|总之|→|⇒|=>)[^\n.!?。！？]{1,200}",
    re.I,
)


def _places(readable: str, names: Sequence[str]) -> Iterator[str]:
    if box := last_box(readable):
        yield box
    for place in marked_answers(readable)[0]:
        yield first_sentence(without_decoration(place))
    values = [(line[1], _mentions(line[1], names)) for line in _COLON.finditer(readable)]
    lines = [text for text, found in values if found and found[0].start <= 4 and found[-1].end >= len(text) - 4]
    if len(lines) == 1:
        yield lines[0]


def _opens(text: str, mentions: Sequence[_Mention]) -> bool:
    """Whether the text begins with its answer: "**Sports** – although …", "billing." but not "billing, technical"."""
    first = mentions[0]
    if re.search(r"\w", text[: first.start]) or not _STOP.match(text, first.end):
        return False
    return len(mentions) == 1 or not _LIST.fullmatch(text, first.end, mentions[1].start)


_STOP = re.compile(r"[\s\"'”’*_`)」]{0,4}(?:$|[.,;:!(。，；：！（—–-]|\s-|because\b|since\b|as\b)|[*_`\"”]{0,3}\s*\n")
_LIST = re.compile(
    r"[\"'”’*_`」]{0,3}\s?(?:[,/、|]\s?(?:and|or|nor)?|and\b|or\b|nor\b|和|或|与|及|还是)\s?(?:(?:an?|the)\s)?[\"'“‘*_`「]{0,3}"
)


def _verdicts(text: str, names: Sequence[str]) -> dict[str, bool]:
    """`positive: no` and `negative: yes`: the verdict on each name that heads a line; empty unless there are two."""
    verdicts: dict[str, bool] = {}
    for line in re.split(r"\n|;\s", text):
        mentions = _mentions(line, names)
        if mentions and not re.search(r"\w\w", line[: mentions[0].start]):
            verdict = verdict_of(line[: mentions[0].start] + line[mentions[0].end :])
            if verdict is not None:
                verdicts[mentions[0].name] = verdict
    return verdicts if len(verdicts) > 1 else {}


def _meant(text: str, mentions: Sequence[_Mention], names: Sequence[str]) -> str | None:
    """The only name that is meant; of two names the other one where one is plainly denied."""
    meant, weakly, denied = dict[str, None](), dict[str, None](), dict[str, None]()
    said: set[str] = set()
    for group in _listed_together(text, mentions):
        first, last = group[0], group[-1]
        if is_denied(text, first.start, last.end):
            denied |= {mention.name: None for mention in group}
        elif not is_aside(text, first.start):
            said |= {mention.name for mention in group}
            if _stands_as_answer(text, first):
                meant |= {mention.name: None for mention in group}
            elif _OWNED.search(text[max(0, first.start - 80) : first.start]):
                pass  # "let me check your account"
            elif _STOPS_OR_NOUN.match(text, last.end) or _IS_CALLED_IT.match(text, last.end):
                weakly |= {mention.name: None for mention in group}
    gives_up = GIVES_UP.search(text) is not None
    answers = [name for name in meant or (weakly if len(said) == 1 else ()) if name not in denied]
    if answers:
        return answers[0] if len(answers) == 1 and not (gives_up and len(mentions) > 1) else None
    if (
        len(denied) == 1
        and len(names) == 2
        and not gives_up
        and any(_NOT.search(text[max(0, m.start - 80) : m.start]) for m in mentions)
    ):
        return next(name for name in names if name not in denied)
    return None


def _listed_together(text: str, mentions: Sequence[_Mention]) -> list[list[_Mention]]:
    """ "Neither A, B nor C" is one group: what is said of its ends is said of all."""
    groups: list[list[_Mention]] = []
    for mention in mentions:
        said = {one.name for one in groups[-1]} if groups else set()  # nobody lists a name twice
        if groups and mention.name not in said and _LIST.fullmatch(text, groups[-1][-1].end, mention.start):
            groups[-1].append(mention)
        else:
            groups.append([mention])
    return groups


_OWNED = re.compile(r"\b(?:your|my|our|their|his|her)\s$", re.I)
_NOT = re.compile(
    r"(?:\bnot|n['’]t)\s(?:(?:an?|the|really|at\sall|in|about)\s){0,2}\W{0,3}$|不(?:是|属于)?\W{0,2}$", re.I
)
_BEFORE_AN_ANSWER = re.compile(
    r"(?:\b(?:is|are|was|were|be|label|category|class|sentiment|choose|pick|say|called|express(?:es)?|like"
    r"|remains?|seems?|sounds?|looks?|appears?|means?|would|answer|describe[sd]?)\b|['’](?:s|re)\b"
    r"|[:=→\"'“‘*`「(])\s?(?:(?:an?|the|[a-z]{3,12}ly|very|more|most|likely|but|class|category|label|option)\s){0,3}"
    r"[\"'“‘*_`「(]{0,3}$",
    re.I,
)
_PREPOSITION = re.compile(r"\b(?:as|to|into|under|in|it|with|for|by|about)\s(?:an?\s|the\s)?[\"'“‘*_`「(]{0,3}$", re.I)
_STOPS_OR_NOUN = re.compile(
    r"[\s\"'”’*_`)」]{0,4}(?:$|[.,;:!?。，；：！)—–-]|(?:issue|question|category|class|label|ticket|request|problem|case|type|one"
    r"|matter|concern|message|mail|email|review|sentiment|article|topic|text|emotion|tone|news|story|post|comment|argument)s?\b)|[一-鿿]",
    re.I,
)

_IS_CALLED_IT = re.compile(  # "The cow is bigger", "Billing is the right category"
    r"[\"'”’*_`)]{0,3}\s(?:is|are|was|were)\s(?:the\s|an?\s)?(?:\w{2,12}(?:er|est)|more|most|right|correct|best|only|likely|answer)\b",
    re.I,
)


def _stands_as_answer(text: str, mention: _Mention) -> bool:
    """Whether it stands where an answer does ("is a technical issue"); "the world of business" only mentions one."""
    before, written = text[max(0, mention.start - 80) : mention.start], text[mention.start : mention.end]
    return (
        re.search("[一-鿿]", written) is not None
        or len(mention.name.split()) > 2
        or (written == mention.name and not written.islower())
        or not re.search(r"\w", before)
        or _BEFORE_AN_ANSWER.search(before) is not None
        or (_PREPOSITION.search(before) is not None and _STOPS_OR_NOUN.match(text, mention.end) is not None)
    )


def _mentions(text: str, names: Sequence[str]) -> list[_Mention]:
    pattern, by_words = _pattern(tuple(names))
    found = [match for match in pattern.finditer(text) if " " in match[0] or not _QUANTIFIES.match(text, match.start())]
    return [_Mention(by_words[_words(match[0])], match.start(), match.end()) for match in found]


_QUANTIFIES = re.compile(r"(?:none|all|some|any|both|neither|either)\sof\s(?:the|these|those|them)\b", re.I)


@lru_cache(maxsize=64)
def _pattern(names: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """Matches each name as whole words, the longest first; `very_negative` and `very-negative` are `very negative`."""
    by_words = {_words(name): name for name in reversed(names) if _words(name)}
    either = "|".join(_whole(words) for words in sorted(by_words, key=len, reverse=True))
    return re.compile(either or r"(?!)", re.I), by_words


def _words(name: str) -> str:
    return " ".join(re.split(r"[\s_-]+", normalised(name).casefold().strip()))


def _whole(words: str) -> str:
    before = r"(?<!\w)" if re.match(r"[^\W一-鿿]", words) else ""
    after = r"(?!\w)" if re.search(r"[^\W一-鿿]$", words) else ""
    return before + r"[\s_-]+".join(map(re.escape, words.split())) + after
