"""The task `needle[/zh][/LENGTHS]`: a fact hidden in a long text, by the length of the text and the depth of the fact.

The text is facts about people and things that are invented for it, one of which is asked for (Kamradt 2023, in the form
of RULER, Hsieh et al. 2024: all sentences are of one kind, so none stands out). A text is as long as its label says,
never shorter: it is counted by the tokenizer of the models where they have one, for several by the one that needs the
longest text, else by a number of characters that no tokenizer known packs into one token. An endpoint's own count is
compared with the label afterwards. Guessing one of the values is right one time in twelve or so.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, product

from ..contract import Model, OpenWeights, Reply
from ..errors import BadInput
from ..prompts import Language
from ..scope import note
from ..world.facts import Fact, knowledge_base
from ..world.reading_comprehension import invented_fact
from ..world.vocabulary import LANGUAGES, SampleRandom, wordlists
from .item import Item
from .metric import CheckMetric, Score
from .mini_tasks import only_named
from .task import Task

LENGTHS, DEPTHS = (1024, 2048, 4096, 8192), (0, 25, 50, 75, 100)  # tokens; per cent of the text before the fact
PER_CELL = 5
LONGEST = 4_194_304
RELATIONS = ("job", "food", "pet", "material", "colour")  # their values are few, so that another one can be recognised
DIFFERENT_FACTS = 3_000  # then they come again, in another order
CHARACTERS_PER_TOKEN: dict[Language, float] = {"en": 4.5, "zh": 1.8}  # GPT-2 has 3.4 in such English; at most so many
Count = Callable[[str], int]


@dataclass(frozen=True)
class NeedleTask(Task):
    """Its texts are made anew for the tokenizers of the models that are measured."""

    lengths: tuple[int, ...] = ()
    most: int = 0  # items; as evenly over the cells as it goes
    seed: int = 0
    language: Language = "en"

    def fitted(self, models: Sequence[Model]) -> Task:
        weights = {id(m.base): m.base for m in models if isinstance(m.base, OpenWeights)}
        counts = [_counter(base) for base in weights.values()] or [_least_tokens]
        return replace(self, items=self.make(counts))

    def make(self, counts: Sequence[Count]) -> tuple[Item, ...]:
        rng = SampleRandom(f"needle {self.language} {self.seed}", self.language, held_out=True)
        hay = [invented_fact(rng, rng.choice(RELATIONS)) for _ in range(DIFFERENT_FACTS)]
        cells = list(product(self.lengths, DEPTHS))
        instruction = self.items[0].instruction if self.items else ""
        items = [_item(rng, hay, *cells[i % len(cells)], i // len(cells), counts) for i in range(self.most)]
        return tuple(replace(item, instruction=instruction) for item in items)


def built_in(spec: str, limit: int | None, seed: int) -> Task:
    """The task that `spec` names, as evenly over lengths and depths as `limit` allows. Raises BadInput."""
    options = spec.split("/")[1:]
    language: Language = "zh" if "zh" in options else "en"
    named = [option for option in options if option not in LANGUAGES]
    expected = "after needle may come /zh and lengths in tokens, as in needle/zh/1k,4k"
    if len(named) > 1:
        raise BadInput(f"{spec}: {expected}")
    try:
        lengths = tuple(sorted({_tokens(text) for text in named[0].split(",")})) if named else LENGTHS
    except ValueError:
        raise BadInput(f"{spec}: {expected}") from None
    most = limit or PER_CELL * len(lengths) * len(DEPTHS)
    about = "a fact hidden in a text"
    task = NeedleTask(
        spec, (), NEEDLE, "as this task is made", about, lengths=lengths, most=most, seed=seed, language=language
    )
    return replace(task, items=task.make([_least_tokens]))


def _tokens(text: str) -> int:
    match = re.fullmatch(r"(\d{1,7})(k?)", text)
    tokens = int(match[1]) * (1024 if match[2] else 1) if match else 0
    if not 16 <= tokens <= LONGEST:
        raise ValueError(text)
    return tokens


def _counter(model: OpenWeights) -> Count:
    return lambda text: len(model.tokenizer.encode(text, add_special_tokens=False).ids)


def _least_tokens(text: str) -> int:
    """What the text has at least, whatever the tokenizer."""
    return int(len(text) / CHARACTERS_PER_TOKEN["en" if text.isascii() else "zh"])


def _item(
    rng: SampleRandom, hay: Sequence[Fact], length: int, depth: int, number: int, counts: Sequence[Count]
) -> Item:
    needle = invented_fact(rng, rng.choice(RELATIONS))
    asked = (needle.subject, needle.relation)
    others = [fact for fact in rng.sample(hay, len(hay)) if (fact.subject, fact.relation) != asked]
    sentence, separator = needle.statement(rng), str(wordlists(rng.language)["words"]["separator"])
    statements = (fact.statement(rng) for fact in cycle(others))
    text = _long_enough(statements, sentence, depth, length, separator, counts)
    answer = needle.value.text(rng.language)
    return Item(f"{length} tokens {depth} % {number + 1}", needle.question(rng), (answer,), context=(text,))


def _long_enough(
    statements: Iterator[str], needle: str, depth: int, length: int, separator: str, counts: Sequence[Count]
) -> str:
    """The shortest text of these sentences that all counts find long enough; it grows by what is still missing."""
    sentences: list[str] = []
    while True:
        at = round(len(sentences) * depth / 100)
        text = separator.join([*sentences[:at], needle, *sentences[at:]])
        tokens = min(count(text) for count in counts)
        if tokens >= length:
            return text
        sentences += islice(statements, max(1, (length - tokens) * len(sentences) // (tokens + 1)))


def found(item: Item, reply: Reply) -> Score:
    """Right is what names the value and no other of its kind. The part is the cell of the heat map."""
    answer = item.accepted[0]
    language: Language = "en" if answer.isascii() else "zh"
    values = {relation: {value.text(language) for value in knowledge_base().values[relation]} for relation in RELATIONS}
    kin = set().union(*(of for of in values.values() if answer in of))
    length, depth = (int(number) for number in re.findall(r"\d+", item.id)[:2])
    if 0 < reply.usage.input_tokens < length:
        note("some texts are shorter than their label says, by the endpoint's own count of tokens")
    extracted = only_named(reply.text, kin)
    right = float(extracted == answer)
    return Score(right, extracted, {f"{length} tokens, {depth} %": right})


NEEDLE = CheckMetric("needle", found)
