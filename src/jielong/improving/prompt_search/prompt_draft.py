"""What is searched: a draft is an instruction, the place where it stands, and the examples that are shown with it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field

from ...contract import Model
from ...measuring.evaluate import ItemResult
from ...techniques.few_shot import few_shot
from ...techniques.instruct import Place, instruct

Pair = tuple[str, str]
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+(?:['’][^\W\u3400-\u9fff]+)*")


@dataclass(frozen=True)
class PromptDraft:
    """`parent` is the number of the draft that it was made from; `by` names the proposer."""

    text: str
    place: Place
    examples: tuple[Pair, ...] = ()
    parent: int | None = None
    by: str = "start"

    @property
    def key(self) -> str:
        """Two drafts with one key are the same prompt, whoever made them."""
        place = self.place if self.text else ""
        return hashlib.sha256(json.dumps([self.text, place, self.examples]).encode()).hexdigest()

    @property
    def length(self) -> int:
        """Words of the instruction and of its examples; a Chinese character counts as a word."""
        return words(self.text) + sum(words(text) for pair in self.examples for text in pair)

    def around(self, model: Model) -> Model:
        """The model under this prompt: a recipe like any other."""
        if self.text:
            model = model | instruct(text=self.text, place=self.place)
        return model | few_shot(examples=self.examples) if self.examples else model


@dataclass
class ScoredDraft:
    """A draft and what came of it. `kept`: it was asked all search items; else `why` it was not."""

    number: int
    draft: PromptDraft
    round: int
    answers: dict[str, ItemResult] = field(default_factory=dict)
    kept: bool = False
    why: str = ""

    @property
    def mean(self) -> float:
        return sum(answer.score for answer in self.answers.values()) / len(self.answers) if self.answers else 0.0

    @property
    def rank(self) -> tuple[float, int, int]:
        """The better one has the smaller rank: by score, then by length, then by age."""
        return (-self.mean, self.draft.length, self.number)


def words(text: str) -> int:
    return len(_WORD.findall(text))


def split_words(text: str) -> list[str]:
    """The words of a text in lower case, each Chinese character one of them."""
    return [word.lower() for word in _WORD.findall(text)]
