"""Reading who did what: bought, lent, met, lost. And who of two is older, whichever way it is put and asked."""

from dataclasses import dataclass

from .draws import first_fitting
from .grammar import any_form, grammar, sample_composed
from .stories import capitalised, other_individual
from .story_layouts import framed, laid_out, sentence_case, separator
from .story_values import Individual, clock_time, price, word
from .training_examples import Document, decisive_turn, user_turn
from .vocabulary import SampleRandom, fill_form

# what may be asked of each: agent, object, partner, place, day, price, time
EVENTS = {
    "buy": "aopldm", "sell": "aopldm", "lend": "aop", "give": "aopld", "meet": "pldt", "find": "aold", "lose": "aold",
    "send": "aopd",
}  # fmt: skip


@dataclass(frozen=True)
class Event:
    """`values` are the words for its slots, all of them, also those that its sentence does not mention."""

    kind: str
    form: str
    values: dict[str, str]

    def sentence(self) -> str:
        text = capitalised(fill_form(self.form, **self.values))
        return text

    def tells(self, slot: str) -> bool:
        return f"{{{slot}}}" in self.form


def sample_event(rng: SampleRandom, kind: str, known: list[Individual], objects: list[str]) -> Event:
    agent = other_individual(rng, "person", known)
    known.append(agent)
    partner = other_individual(rng, "person", known)
    known.append(partner)
    noun = word(rng, "word_event_object")
    while noun in objects:
        noun = word(rng, "word_event_object")
    objects.append(noun)
    values = {"a": agent.text, "p": partner.text, "l": word(rng, "word_event_place"), "d": word(rng, "word_day")}
    values |= {"t": clock_time(rng, 8, 20), "m": price(rng)} | _object(rng.language, noun)
    form = sample_composed(lambda: any_form(rng, rng.language, f"event_{kind}"), rng.held_out)
    return Event(kind, form, values)


def _object(language: str, noun: str) -> dict[str, str]:
    """With the article or the measure word; as questions take it up; and alone, as an answer."""
    if language == "zh":
        return {"o": f"一{noun}", "x": f"那{noun}", "bare": noun[1:]}
    return {"o": f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}", "x": f"the {noun}", "bare": noun}


def sample_events(rng: SampleRandom, answerable: bool) -> tuple[tuple[Event, ...], int, str]:
    """Events, the number of one of them, and the slot of it that is asked, told in its sentence or not."""
    while True:
        count = 1 if rng.short else rng.choice((1, 2, 2, 3))
        known, objects = list[Individual](), list[str]()
        kinds = [rng.choice(list(EVENTS)) for _ in range(count)]
        events = tuple(sample_event(rng, kind, known, objects) for kind in kinds)
        index = rng.randrange(count)
        slots = [slot for slot in EVENTS[kinds[index]] if events[index].tells(slot) == answerable]
        if slots:
            return events, index, rng.choice(slots)


def event_question(rng: SampleRandom, event: Event, slot: str) -> str:
    """The question names what its sentence does: an untold partner is nobody's name."""

    def compose() -> str:
        ask = first_fitting(
            lambda: any_form(rng, rng.language, f"ask_{event.kind}_{slot}"),
            lambda ask: "{p}" not in ask or event.tells("p"),
            f"{rng.language}: a question of ask_{event.kind}_{slot} without the partner",
        )
        low = ask[:1].lower() + ask[1:] if not ask.startswith("{") else ask
        return any_form(rng, rng.language, "event_question").replace("{ask}", ask).replace("{ask_low}", low)

    form = sample_composed(compose, rng.held_out)
    return sentence_case(fill_form(form, **event.values))


def event_answer(event: Event, slot: str) -> str:
    return event.values["bare" if slot == "o" else slot]


def event_document(rng: SampleRandom) -> Document:
    if rng.chance(0.25):
        return comparison_document(rng)
    answerable = not rng.chance(0.3)
    events, index, slot = sample_events(rng, answerable)
    text = separator(rng).join(event.sentence() for event in events)
    if rng.chance(0.1):
        text = framed(rng, "titled", title=events[0].values["a"], text=text)
    answer = event_answer(events[index], slot) if answerable else rng.phrase("not_told")
    turns = [user_turn(laid_out(rng, text, event_question(rng, events[index], slot)), 0.05), decisive_turn(answer)]
    if rng.chance(0.4) and not rng.short:
        event = rng.choice(events)
        slot = rng.choice([slot for slot in EVENTS[event.kind] if event.tells(slot)])
        turns += [user_turn(event_question(rng, event, slot), 0.05), decisive_turn(event_answer(event, slot))]
    return Document("reading", tuple(turns))


# ---- who is older ----


@dataclass(frozen=True)
class Comparison:
    text: str
    question: str
    answer: str


def sample_comparison(rng: SampleRandom, answerable: bool) -> Comparison:
    """One or two sentences that compare two each; one pair is asked, by either end. Untold: two not compared."""
    known: list[Individual] = []
    pairs: list[tuple[str, str]] = []
    for _ in range(2 if not answerable else 1 if rng.short else rng.choice((1, 1, 2))):
        for _ in range(2):
            known.append(other_individual(rng, "person", known))
        pairs.append((known[-2].text, known[-1].text))
    measures = [line.split("|") for line in rng.sample(comparisons(rng), len(pairs))]
    sentences = [_compared(rng, pair, measure) for pair, measure in zip(pairs, measures, strict=True)]
    pair, other, (more, less, _) = pairs[0], pairs[-1], measures[0]
    asks_more = rng.chance(0.5)
    answer = pair[0] if asks_more else pair[1]
    asked = list(pair if answerable else (pair[0], other[1]))
    rng.shuffle(asked)
    slots = {"asked": more if asks_more else less, "c": asked[0], "d": asked[1]}
    form = sample_composed(lambda: any_form(rng, rng.language, "ask_compare"), rng.held_out)
    rng.shuffle(sentences)
    text = separator(rng).join(sentences)
    return Comparison(text, fill_form(form, **slots), answer if answerable else rng.phrase("not_told"))


def comparisons(rng: SampleRandom) -> list[str]:
    return list(grammar(rng.language)["compared"])


def _compared(rng: SampleRandom, pair: tuple[str, str], measure: list[str]) -> str:
    form = any_form(rng, rng.language, "compare")
    slots = {"a": pair[0], "b": pair[1], "more": measure[0], "less": measure[1], "plain": measure[2]}
    return capitalised(fill_form(form, **slots))


def comparison_document(rng: SampleRandom) -> Document:
    found = sample_comparison(rng, not rng.chance(0.25))
    text = laid_out(rng, found.text, found.question)
    return Document("reading", (user_turn(text, 0.05), decisive_turn(found.answer)))
