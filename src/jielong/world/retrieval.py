"""Reading several documents: the answer is in one of them, in none, or two of them disagree."""

from dataclasses import dataclass

from .grammar import any_form
from .stories import Told, told
from .story_layouts import laid_out, prose, text_of, titled
from .story_reading import Asked, Story, question, sample_story
from .training_examples import Document, decisive_turn, user_turn
from .vocabulary import SampleRandom, wordlists


@dataclass(frozen=True)
class Retrieval:
    documents: tuple[str, ...]
    question: str
    answer: str


def sample_retrieval(rng: SampleRandom, outcome: str = "") -> Retrieval:
    """`outcome` is told, untold or conflict; where it is "", one of them by its share of the training."""
    outcome = outcome or rng.choices(("told", "untold", "conflict"), (5, 2.2, 2.2))[0]
    story = sample_story(rng, outcome != "untold", most=5)
    asked = story.asked.fact
    while outcome == "conflict" and story.asked.reverse:
        story = sample_story(rng, True, most=5)
        asked = story.asked.fact
    parts = _divided(rng, story)
    if outcome == "conflict":
        other = _other_value(rng, story)
        parts.append([other])
        rng.shuffle(parts)
        first, second = (asked, other) if _position(parts, asked) < _position(parts, other) else (other, asked)
        values = [Asked(fact).answer(rng.language) for fact in (first, second)]
        answer = rng.phrase("disagree", first=values[0], second=values[1])
    else:
        if outcome == "told" and not story.asked.reverse and rng.chance(0.15):
            parts.append([asked])  # two that agree are no reason to doubt
        elif rng.chance(0.15) and len(story.facts) > 1:
            _contradict_another(rng, story, parts)
        rng.shuffle(parts)
        answer = story.asked.answer(rng.language) if story.answerable else rng.phrase("not_told")
    documents = tuple(_document(rng, part) for part in parts)
    return Retrieval(documents, question(rng, story.asked), answer)


def _divided(rng: SampleRandom, story: Story) -> list[list[Told]]:
    """The facts in one to three parts; those of one individual may be in several of them."""
    facts = list(story.facts)
    cuts = sorted(rng.sample(range(1, len(facts)), min(len(facts) - 1, rng.choice((1, 1, 2)))))
    return [facts[a:b] for a, b in zip([0, *cuts], [*cuts, len(facts)], strict=True)]


def _position(parts: list[list[Told]], fact: Told) -> int:
    return next(i for i, part in enumerate(parts) if fact in part)


def _other_value(rng: SampleRandom, story: Story) -> Told:
    asked = story.asked.fact
    taken = {fact.value for fact in story.facts}
    while (other := told(rng, asked.about, asked.relation)).value in taken:
        pass
    return other


def _contradict_another(rng: SampleRandom, story: Story, parts: list[list[Told]]) -> None:
    """A second value of a fact that is not asked."""
    asked = story.asked.fact
    others = [f for f in story.facts if (f.about, f.relation) != (asked.about, asked.relation)]
    others = [f for f in others if f.relation != asked.relation or not story.asked.reverse]
    if others:
        fact = rng.choice(others)
        taken = {f.value for f in (*story.facts, asked)}
        while (other := told(rng, fact.about, fact.relation)).value in taken:
            pass
        parts.append([other])


def _document(rng: SampleRandom, facts: list[Told]) -> str:
    if rng.chance(0.2):
        return titled(rng, facts)
    return prose(rng, facts) if rng.chance(0.7) else text_of(rng, facts)


def documents_message(rng: SampleRandom, documents: tuple[str, ...], question_text: str) -> str:
    """As a task renders its documents, or numbered in other ways."""
    if rng.chance(0.45):
        head = wordlists(rng.language)["prompts"]["documents"]
        return f"{head}\n\n" + "\n\n".join(documents) + f"\n\n{question_text}"
    number, gap = any_form(rng, rng.language, "document_number"), rng.choice(("\n", "\n\n", "\n\n"))
    return laid_out(rng, gap.join(number.format(n=i, text=text) for i, text in enumerate(documents, 1)), question_text)


def retrieval_document(rng: SampleRandom) -> Document:
    found = sample_retrieval(rng)
    text = documents_message(rng, found.documents, found.question)
    return Document("reading", (user_turn(text, 0.05), decisive_turn(found.answer)))
