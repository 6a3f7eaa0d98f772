"""Instructions that a program can verify: how many words, bullets, which language, JSON, words that must not occur.

As IFEval (Zhou et al. 2023) has them: `strict` looks at the reply as it is, `loose` also without its first line, its
last line, both, and without asterisks. A prompt counts where all its instructions are followed; the share of
instructions that are is a part of the score. Different from IFEval: words are whole words ("art" is not in "start"), a
language is told by script and function words and so is the same at every run, an apostrophe does not cut a word in two,
and Chinese is counted in characters.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..bounded_json import read_json
from ..contract import Reply
from ..errors import BadInput
from .free_text import FreeText
from .item import Item
from .metric import Score
from .written_language import written_language

Options = Mapping[str, Any]
_HAN = "\u3400-\u9fff"
_WORD = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]+(?:['’-][^\W_{_HAN}]+)*")
_SENTENCE_END = re.compile(r"[。！？]+[”’」』）)]*|(?<![.…])(?!(?:\.{2,}|…+)\s+[a-z])[.!?…]+[\"'”’)*_]*(?=\s|$)|\n+")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Jr|Sr|Prof|No|vs|etc|e\.g|i\.e|approx|cf|[A-Z])|^\W*\d+)\.$")
_BULLET = re.compile(r"^\s*[-*•]\s+\S", re.M)
_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.S | re.I)


def count_words(text: str) -> int:
    """Words; of Chinese, characters."""
    return len(_WORD.findall(text))


def count_sentences(text: str) -> int:
    """A decimal point, an ellipsis in the middle, "Dr." and a list's number end none; a line break does."""
    count, start = 0, 0
    for end in [*_SENTENCE_END.finditer(text), None]:
        stop = end.end() if end else len(text)
        sentence = text[start:stop]
        if end and _ABBREVIATION.search(sentence.strip()):
            continue
        count += re.search(r"\w", sentence) is not None
        start = stop
    return count


def occurrences(word: str, text: str) -> int:
    """Of a whole word or phrase, whatever its case; Chinese anywhere, as nothing separates its words."""
    before = r"(?<!\w)" if re.match(rf"[^\W{_HAN}]", word) else ""
    after = r"(?!\w)" if re.search(rf"[^\W{_HAN}]$", word) else ""
    return len(re.findall(before + re.escape(word) + after, text, re.I))


def _bounded(count: Callable[[str], int]) -> Callable[[str, Options], bool]:
    """`least` and `most` are the bounds, either or both."""
    return lambda text, options: options.get("least", 0) <= count(text) <= options.get("most", float("inf"))


def _is_json(text: str, options: Options) -> bool:
    fenced = _FENCE.match(text.strip())
    try:
        return isinstance(read_json(fenced[1] if fenced else text), dict | list)
    except ValueError:
        return False


def _is_quoted(text: str, options: Options) -> bool:
    text = text.strip()
    return len(text) > 1 and text[0] + text[-1] in ('""', "“”", "””", "「」")


def _letters_are(is_so: Callable[[str], bool]) -> Callable[[str, Options], bool]:
    """Of a text with letters that have a case."""
    return lambda text, options: text.lower() != text.upper() and is_so(text)


_CHECKS: Mapping[str, Callable[[str, Options], bool]] = {
    "words": _bounded(count_words),
    "sentences": _bounded(count_sentences),
    "paragraphs": lambda text, o: len([part for part in re.split(r"\n\s*\n", text) if part.strip()]) == o["n"],
    "bullets": lambda text, o: len(_BULLET.findall(text)) == o["n"],
    "json": _is_json,
    "language": lambda text, o: written_language(text) == o["language"],
    "include": lambda text, o: all(occurrences(word, text) for word in o["words"]),
    "avoid": lambda text, o: not any(occurrences(word, text) for word in o["words"]),
    "repeat": lambda text, o: occurrences(o["word"], text) >= o["n"],
    "capitals": _letters_are(lambda text: text == text.upper()),
    "lowercase": _letters_are(lambda text: text == text.lower()),
    "no_commas": lambda text, o: not re.search("[,，]", text),
    "starts": lambda text, o: text.strip().casefold().startswith(o["text"].casefold()),
    "ends": lambda text, o: text.strip().strip('"”').casefold().endswith(o["text"].casefold()),
    "title": lambda text, o: re.search(r"<<[^<>\n]*\w[^<>\n]*>>", text) is not None,
    "quoted": _is_quoted,
    "placeholders": lambda text, o: len(re.findall(r"\[[^\[\]\n]+\]", text)) >= o["n"],
}


def follows(instruction: Sequence[Any], text: str) -> bool:
    """Whether a text follows `[kind, options]`; one without words follows nothing. Raises BadInput."""
    kind, options = instruction
    if kind not in _CHECKS:
        raise BadInput(f"unknown instruction {kind!r}; known: {', '.join(_CHECKS)}")
    try:
        return bool(text.strip()) and _CHECKS[kind](text, options)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"the instruction {kind!r} with the options {options!r}: {error!r}") from None


def loosened(text: str) -> list[str]:
    """The reply and what IFEval's loose score also looks at."""
    lines = text.split("\n")
    parts = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return list(dict.fromkeys(variant for part in parts for variant in (part, part.replace("*", ""))))


def read_instructions(text: str) -> list[Sequence[Any]]:
    """`[["words", {"most": 50}], ["json", {}]]`. Raises BadInput."""
    try:
        instructions = read_json(text)
        if instructions and all(isinstance(kind, str) and isinstance(o, dict) for kind, o in instructions):
            return list(instructions)
    except (ValueError, TypeError):
        pass
    raise BadInput(f'instructions {text[:60]!r}; expected JSON such as [["words", {{"most": 50}}], ["json", {{}}]]')


@dataclass(frozen=True)
class FormatMetric(FreeText):
    """The accepted answer of an item is its instructions as JSON. The score is strict."""

    name: str = "format"

    async def score(self, item: Item, reply: Reply) -> Score:
        text, instructions = self.extract(reply), read_instructions(item.accepted[0] if item.accepted else "")
        variants = loosened(text or "")
        strict = [follows(each, text or "") for each in instructions]
        loose = [any(follows(each, variant) for variant in variants) for each in instructions]
        shares = [sum(each) / len(instructions) for each in (strict, loose)]
        parts = {"loose": float(all(loose)), "instructions": shares[0], "instructions_loose": shares[1]}
        for kind in {kind: None for kind, _ in instructions}:
            of_kind = [strict[i] for i, (other, _) in enumerate(instructions) if other == kind]
            parts[kind] = sum(of_kind) / len(of_kind)
        return Score(float(all(strict)), text, parts)


format = FormatMetric()
