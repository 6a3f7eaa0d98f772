"""What is searched: a draft is an instruction, the place where it stands, and the examples that are shown with it."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ...contract import Model
from ...measuring.results import ItemResult
from ...tasks.item import Item
from ...techniques.few_shot import few_shot
from ...techniques.prompting import Place, instruct

Pair = tuple[str, str]
# Each Chinese character is a word.
WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+(?:['’][^\W\u3400-\u9fff]+)*")


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
    """A draft and what came of it. `complete`: it was asked all search items; else `why` it was not."""

    number: int
    draft: PromptDraft
    round: int
    answers: dict[str, ItemResult] = field(default_factory=dict)
    complete: bool = False
    why: str = ""

    @property
    def mean(self) -> float:
        """Over the items that were scored; 0.0 without any."""
        scores = [answer.score for answer in self.answers.values() if answer.score is not None]
        return sum(scores) / len(scores) if scores else 0.0

    def mistakes(self, items: Iterable[Item]) -> list[Item]:
        """The items that it has not got right; those that were lost are none of them."""
        return [item for item in items if (score := self.answers[item.id].score) is not None and score < 1]

    def successes(self, items: Iterable[Item]) -> list[Item]:
        return [item for item in items if (self.answers[item.id].score or 0.0) >= 1]

    @property
    def rank(self) -> tuple[float, int, int]:
        """The better one has the smaller rank: by score, then by length, then by age."""
        return (-self.mean, self.draft.length, self.number)


def words(text: str) -> int:
    return len(WORD.findall(text))
