"""How a text stands on the page: prose, a letter, a chat, a table, or a text with a title."""

from collections.abc import Callable, Sequence

from .grammar import any_form, grammar
from .stories import Told, answer_text, sentence, sentences_about
from .story_values import Individual, person
from .vocabulary import SampleRandom, wordlists


def by_subject(facts: Sequence[Told]) -> dict[Individual, list[Told]]:
    groups: dict[Individual, list[Told]] = {}
    for fact in facts:
        groups.setdefault(fact.about, []).append(fact)
    return groups


def prose(rng: SampleRandom, facts: Sequence[Told]) -> str:
    """Sentences in which two may be told of together; the rest of each follows by name."""
    left, lines = list(facts), list[str]()
    for first in facts:
        partner = next((f for f in left if f.relation == first.relation and f.about != first.about), None)
        if first in left and partner and rng.chance(0.6):
            both = first.value == partner.value
            voices = ("both",) * 2 if both else ("name",) * 2
            lines.append(sentence(rng, ("frame_both" if both else "frame_versus",), (first, partner), voices))
            left = [f for f in left if f not in (first, partner)]
    blocks = [sentences_about(rng, group) for group in by_subject(left).values()]
    rng.shuffle(blocks)
    lines = [*lines, *(line for block in blocks for line in block)]
    if rng.chance(0.08):
        lines.insert(0, rng.sentence("filler"))  # in front, where it takes no pronoun from whom it stands for
    return separator(rng).join(lines)


def separator(rng: SampleRandom) -> str:
    return str(wordlists(rng.language)["words"]["separator"])


def letter(rng: SampleRandom, facts: Sequence[Told]) -> str:
    """By the first whom the facts are about, who says I; what is told of others follows."""
    writer, *others = by_subject(facts).items()
    lines = sentences_about(rng, writer[1], "I")
    lines += [line for _, group in others for line in sentences_about(rng, group)]
    to = person(rng).text
    while any(to in fact.about.text or fact.about.text in to for fact in facts):
        to = person(rng).text
    return framed(rng, "letter", t=to, s=writer[0].text, text=separator(rng).join(lines))


def chat(rng: SampleRandom, facts: Sequence[Told]) -> str:
    """Each says something of themselves, in turns."""
    messages: list[tuple[str, str]] = []
    for about, group in by_subject(facts).items():
        lines = sentences_about(rng, group, "I")
        cut = len(lines) if rng.chance(0.6) else 1
        messages += [(about.text, separator(rng).join(part)) for part in (lines[:cut], lines[cut:]) if part]
    rng.shuffle(messages)
    form = any_form(rng, rng.language, "chat_line")
    return "\n".join(form.format(s=name, text=text) for name, text in messages)


def table(rng: SampleRandom, facts: Sequence[Told]) -> str:
    """A row for each value, or a row for each individual with the values side by side."""
    groups = by_subject(facts)
    relations = list(dict.fromkeys(fact.relation for fact in facts))
    labels = {relation: rng.choice(_labels(rng, relation)) for relation in (*relations, "name")}
    if rng.language == "en" and rng.chance(0.5):
        labels = {relation: label[:1].upper() + label[1:] for relation, label in labels.items()}
    full = all(len(group) == len(relations) for group in groups.values())
    if not full or rng.chance(0.5):
        return _cards(rng, groups, labels)
    head = [labels["name"], *(labels[relation] for relation in relations)]
    rows = [[about.text, *(_cell(rng, group, r) for r in relations)] for about, group in groups.items()]
    left, middle, right = rng.choice(
        (("| ", " | ", " |"), ("", " | ", ""), ("", "\t", ""), ("", ", ", ""), ("", "; ", ""))
    )
    rules = [["---"] * len(head)] if left and rng.chance(0.7) else []
    return "\n".join(left + middle.join(row) + right for row in [head, *rules, *rows])


def _cell(rng: SampleRandom, group: list[Told], relation: str) -> str:
    return next(answer_text(fact, rng.language) for fact in group if fact.relation == relation)


def _labels(rng: SampleRandom, relation: str) -> tuple[str, ...]:
    return grammar(rng.language)[f"label_{relation}"]


def _cards(rng: SampleRandom, groups: dict[Individual, list[Told]], labels: dict[str, str]) -> str:
    colon = rng.choice((": ", ": ", " = ", " - ", "：" if rng.language == "zh" else ": "))
    bullet, end = rng.choice(("", "", "- ", "* ")), rng.choice(("\n", "\n", "; ", ", "))
    if bullet:
        end = "\n"
    cards: list[str] = []
    for about, group in groups.items():
        rows = [f"{labels[fact.relation]}{colon}{answer_text(fact, rng.language)}" for fact in group]
        cards.append(end.join(bullet + row for row in [f"{labels['name']}{colon}{about.text}", *rows]))
    return ("\n\n" if end == "\n" else "\n").join(cards)


def titled(rng: SampleRandom, facts: Sequence[Told]) -> str:
    about = rng.choice(facts).about
    key = "title_person" if about.kind == "person" else "title_thing"
    title = any_form(rng, rng.language, key).format(s=about.text)
    return framed(rng, "titled", title=title[:1].upper() + title[1:], text=prose(rng, facts))


def framed(rng: SampleRandom, rule: str, **slots: str) -> str:
    """A frame that is not split: what stands in it is."""
    return any_form(rng, rng.language, rule).format(**slots)


def text_of(rng: SampleRandom, facts: Sequence[Told]) -> str:
    """The facts as some text; persons may speak for themselves."""
    layouts: list[Callable[[SampleRandom, Sequence[Told]], str]] = [prose, titled, table]
    shares = [8.0, 1.0, 1.3]
    if facts[0].about.kind == "person":
        layouts, shares = [*layouts, letter, chat], [*shares, 1.2, 1.2]
    return rng.choices(layouts, shares)[0](rng, facts)


def laid_out(rng: SampleRandom, text: str, question_text: str) -> str:
    """A text and a question on it in one message."""
    layout = any_form(rng, rng.language, "reading_layout")
    if text[-1:].isalnum() and "{text}{question}" in layout:  # a table or a list, which no full stop ends
        layout = layout.replace("{text}{question}", "{text}\n{question}" if "\n" in text else "{text}，{question}")
    return layout.format(text=text, question=question_text)


def sentence_case(text: str) -> str:
    """A capital after each full stop and question mark that a blank follows."""
    for mark in (". ", "? ", "! "):
        parts = text.split(mark)
        text = mark.join(part[:1].upper() + part[1:] for part in parts)
    return text
