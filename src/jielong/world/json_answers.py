"""Short answers as JSON: asked for in words, or under a schema, of which the prompt says nothing.

Under a schema the runtime forces keys and brackets; mini has only to give the values and to end them.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import facts, word_problems
from .everyday_tools import SLOTS
from .grammar import any_form, form_of_line, grammar, sample_composed
from .in_context_learning import GROUPS
from .stories import OF_KIND, RELATIONS, Told, answer_text, told
from .story_layouts import laid_out, prose
from .story_reading import question, sample_story
from .story_values import individual, person, word
from .training_examples import DECISIVE_WEIGHT, Document, Turn, user_turn
from .vocabulary import SampleRandom, wordlists

Value = str | int | bool | list[str]
COUNTED = ("age", "children", "room", "founded")  # values that are numbers where they are written in digits
ANSWER_KEYS = {
    "en": ("answer", "answer", "result", "value", "reply", "output", "solution", "response", "text", "final"),
    "zh": ("answer", "answer", "result", "答案", "结果", "回答", "value", "output"),
}


@dataclass(frozen=True)
class JsonTask:
    """What is asked, without a word on JSON, and the object that answers it. `open`: the keys are not given by it."""

    question: str
    answer: Mapping[str, Value]


def sample_json(rng: SampleRandom) -> JsonTask:
    return rng.choices(_SOURCES, _SOURCE_SHARES)[0](rng)


def _key(rng: SampleRandom) -> str:
    return rng.choice(ANSWER_KEYS[rng.language])


def _of_fact(rng: SampleRandom) -> JsonTask:
    fact = facts.sample_fact(rng)
    return JsonTask(fact.question(rng), {_key(rng): fact.value.text(rng.language)})


def _of_sum(rng: SampleRandom) -> JsonTask:
    a, b = rng.randint(1, 60), rng.randint(1, 40)
    sign, value = rng.choice((("+", a + b), ("-", a - b)) if a > b else (("+", a + b),))
    form = sample_composed(lambda: any_form(rng, rng.language, "json_sum"), rng.held_out)
    return JsonTask(form.format(a=a, b=b, sign=sign), {_key(rng): value})


def _of_text(rng: SampleRandom) -> JsonTask:
    """A text and a question on it."""
    story = sample_story(rng, True, most=3)
    fact = story.asked.fact
    key = rng.choice((_key(rng), _key(rng), fact.relation))
    text = laid_out(rng, prose(rng, story.facts), question(rng, story.asked))
    return JsonTask(text, {key: _typed(fact.relation, story.asked.answer(rng.language), story.asked.reverse)})


def _typed(relation: str, text: str, reverse: bool = False) -> Value:
    return int(text) if relation in COUNTED and text.isdecimal() and not reverse else text


def _extraction(rng: SampleRandom) -> JsonTask:
    """A text alone; the keys say what is wanted of it."""
    kind = rng.choice(("person", "person", "thing", "town", "shop"))
    about = individual(rng, kind)
    relations: list[str] = []
    for relation in rng.sample(OF_KIND[kind], rng.choice((1, 2, 2, 3))):
        if RELATIONS[relation].group not in {RELATIONS[r].group for r in relations} - {""}:
            relations.append(relation)
    told_facts = [told(rng, about, relation) for relation in relations]
    answer: dict[str, Value] = {rng.choice(_name_keys(rng)): about.text}
    for fact in rng.sample(told_facts, len(told_facts)):
        answer[_label(rng, fact)] = _typed(fact.relation, answer_text(fact, rng.language))
    return JsonTask(prose(rng, told_facts), answer)


def _name_keys(rng: SampleRandom) -> tuple[str, ...]:
    return ("name", "姓名", "名字", "名称") if rng.language == "zh" else ("name", "name", "who", "title")


def _label(rng: SampleRandom, fact: Told) -> str:
    """The relation as a key: its English name, or the name of a table's row."""
    if rng.chance(0.5):
        return fact.relation
    label = rng.choice(grammar(rng.language)[f"label_{fact.relation}"])
    return label.replace(" ", "_") if rng.chance(0.6) else label


def _judgement(rng: SampleRandom) -> JsonTask:
    """Whether a text says something: true or false."""
    story = sample_story(rng, True, most=3)
    fact, true = story.asked.fact, rng.chance(0.5)
    claimed = fact
    while not true and claimed.value == fact.value:
        claimed = told(rng, fact.about, fact.relation)
    form = sample_composed(lambda: any_form(rng, rng.language, "json_claim"), rng.held_out)
    text = prose(rng, story.facts)
    claim = prose_of_one(rng, claimed)
    key = rng.choice(("correct", "true", "is_true", "answer", "supported", "正确" if rng.language == "zh" else "right"))
    return JsonTask(form.format(text=text, claim=claim), {key: true})


def prose_of_one(rng: SampleRandom, fact: Told) -> str:
    return prose(rng, [fact])


def _kind_of_word(rng: SampleRandom) -> JsonTask:
    """One of two names for the kind of a word, as under an enum."""
    first, second = rng.sample(GROUPS, 2)
    names = {group: rng.choice(grammar(rng.language)[f"json_kind_{group}"]) for group in (first, second)}
    thing = str(rng.choice(wordlists(rng.language)["words"][first]))
    shown = rng.sample(list(names.values()), 2)
    form = sample_composed(lambda: any_form(rng, rng.language, "json_kind"), rng.held_out)
    key = rng.choice(("kind", "type", "category", "label", "类别" if rng.language == "zh" else "class"))
    return JsonTask(form.format(w=thing, a=shown[0], b=shown[1]), {key: names[first]})


def _list_of_words(rng: SampleRandom) -> JsonTask:
    """The words of a kind among others, in their order."""
    group, other = rng.sample(GROUPS, 2)
    words = wordlists(rng.language)["words"]
    wanted = rng.sample(words[group], rng.choice((1, 2, 2, 3)))
    shown = [*wanted, *rng.sample(words[other], rng.choice((1, 2)))]
    rng.shuffle(shown)
    name = rng.choice(grammar(rng.language)[f"json_kind_{group}"])
    form = sample_composed(lambda: any_form(rng, rng.language, "json_list"), rng.held_out)
    listed = str(words["join"]).join(shown)
    key = rng.choice(("words", "items", "list", "found", "词语" if rng.language == "zh" else "names"))
    return JsonTask(form.format(words=listed, kind=name), {key: [w for w in shown if w in wanted]})


def _of_facts(rng: SampleRandom) -> JsonTask:
    """One to three facts of one subject, under keys that name their relations."""
    first = facts.sample_fact(rng)
    others = [fact for fact in facts.knowledge_base().facts[first.subject] if fact != first]
    told = [first, *rng.sample(others, min(len(others), rng.choice((0, 0, 1, 1, 2))))]
    nouns = [any_form(rng, rng.language, f"{fact.relation}_noun").removeprefix("的") for fact in told]
    answer: dict[str, Value] = {}
    if rng.chance(0.2):
        answer[rng.choice(("name", "name", "subject"))] = first.subject.text(rng.language).removeprefix("the ")
    for fact in told:
        answer[rng.choice(FACT_KEYS[fact.relation])] = fact.value.text(rng.language)
    last = "和" if rng.language == "zh" else " and "
    joined = last.join([rng.choice(("、", "，") if rng.language == "zh" else (", ",)).join(nouns[:-1]), nouns[-1]])
    form = sample_composed(lambda: any_form(rng, rng.language, "json_facts"), rng.held_out)
    return JsonTask(
        form.format(s=first.subject.text(rng.language), nouns=joined if len(told) > 1 else nouns[0]), answer
    )


def _of_problem(rng: SampleRandom) -> JsonTask:
    problem = word_problems.sample_problem(rng, 1)
    keys = {"-": ("left", "remaining", "rest"), "/": ("each", "share"), "*": ("total", "sum"), "+": ("total", "sum")}
    sign = next((sign for sign in keys if sign in problem.expression), "+")
    key = rng.choice((*keys[sign], *keys[sign], "result", "answer", "count", "number", "amount"))
    return JsonTask(problem.question, {key: problem.answer})


def _of_claim(rng: SampleRandom) -> JsonTask:
    """Whether a claim on a known fact is true."""
    fact, true = facts.sample_judged_fact(rng), rng.chance(0.5)
    claim = facts.sample_claim(rng, fact, true).statement(rng).rstrip(".。")
    form = sample_composed(lambda: any_form(rng, rng.language, "json_true"), rng.held_out)
    key = rng.choice(("answer", "answer", "true", "correct", "is_true", "valid", "result", "truth"))
    return JsonTask(form.format(claim=claim), {key: true})


def _of_note(rng: SampleRandom) -> JsonTask:
    """A note of ordinary life; the keys say what is wanted of it."""
    text, _, wanted = rng.choice(grammar(rng.language)["json_note"]).partition(" => ")
    form = form_of_line(rng, rng.language, text)
    drawn: dict[str, tuple[str, Value]] = {}
    for slot in re.findall(r"\{(\w+)\}", form):
        if slot in NOTE_SLOTS:
            drawn[slot] = NOTE_SLOTS[slot](rng)
            continue
        said, value = SLOTS[slot][2](rng)
        drawn[slot] = (str(value), value) if isinstance(value, int) else (said, str(value))
    pairs = [part.split("=") for part in wanted.split() if f"{{{part.split('=')[1]}}}" in form]
    pairs = rng.sample(pairs, rng.choice([n for n in (1, 2, 2, 3) if n <= len(pairs)]))
    answer = {rng.choice(keys.split("|")): drawn[slot][1] for keys, slot in pairs}
    return JsonTask(form.format(**{slot: said for slot, (said, _) in drawn.items()}), answer)


NOTE_SLOTS: dict[str, Callable[[SampleRandom], tuple[str, Value]]] = {
    "person": lambda rng: (name := person(rng).text, name),
    "job": lambda rng: (job := word(rng, "word_job"), job),
    "age": lambda rng: (str(n := rng.randint(2, 96)), n),
    "small": lambda rng: (str(n := rng.randint(2, 9)), n),
    "number": lambda rng: (str(n := rng.randint(2, 990)), n),
    "amount": lambda rng: (str(n := rng.randint(2, 9000)), n),
    "km": lambda rng: (str(n := rng.randint(2, 42)), n),
    "kilos": lambda rng: (str(n := rng.randint(1, 40)), n),
    "phone": lambda rng: (number := str(rng.randint(10**5, 10**7)), number),
    "device": lambda rng: (thing := word(rng, "word_device"), thing),
    "spot": lambda rng: (spot := word(rng, "word_spot").removeprefix("the "), spot),
}
FACT_KEYS = {
    "birthplace": ("birthplace", "born_in", "hometown", "place_of_birth", "town"), "pet": ("pet", "animal"),
    "job": ("job", "profession", "occupation", "work"), "food": ("food", "favourite_food", "dish", "favorite_food"),
    "country": ("country", "nation"), "river": ("river",), "place": ("place", "position", "coordinates", "location"),
    "material": ("material", "made_of"), "colour": ("color", "colour"),
}  # fmt: skip


_SOURCES: tuple[Callable[[SampleRandom], JsonTask], ...] = (
    *(_of_fact, _of_sum, _of_text, _extraction),
    *(_judgement, _kind_of_word, _list_of_words, _of_facts, _of_problem, _of_claim, _of_note),
)
_SOURCE_SHARES = (2, 2, 3, 4, 1, 1.5, 1.5, 4, 2, 2, 4)


# ---- documents ----


def asked_in_words(rng: SampleRandom, task: JsonTask) -> str:
    """The question, and that the reply be JSON with these keys."""
    keys = list(task.answer)
    separator = str(wordlists(rng.language)["words"]["join"])
    quoted = [f'"{key}"' for key in keys] if rng.chance(0.4) else keys
    if len(keys) > 1 and rng.chance(0.6):
        named = separator.join(quoted[:-1]) + ("和" if rng.language == "zh" else " and ") + quoted[-1]
    else:
        named = separator.join(quoted)
    schema = "{" + ", ".join(f'"{key}": {_type_name(value)}' for key, value in task.answer.items()) + "}"
    form = sample_composed(lambda: any_form(rng, rng.language, "json_asked"), rng.held_out)
    return form.replace("{question}", task.question).replace("{keys}", named).replace("{schema}", schema)


def _type_name(value: Value) -> str:
    return {str: "string", int: "integer", bool: "boolean", list: "list"}[type(value)]


def json_text(answer: Mapping[str, Value], compact: bool = False) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":") if compact else None)


def forced_parts(answer: Mapping[str, Value], text: str) -> tuple[str, ...]:
    """Keys, brackets and signs: all of a JSON text but the values and what ends them."""
    parts: list[str] = []
    start = 0
    for i, (key, value) in enumerate(answer.items()):
        name = json.dumps(key, ensure_ascii=False)
        end = text.index(name, start) + len(name) + 1
        end += text[end] == " "
        end += isinstance(value, str)
        parts.append(text[start + bool(i) : end])
        start = end + len(json.dumps(value, ensure_ascii=False, separators=(",", ":") if ": " not in text else None))
        start -= isinstance(value, str)
    return tuple(parts)


def json_document(rng: SampleRandom) -> Document:
    task = sample_json(rng)
    text = json_text(task.answer, compact=rng.chance(0.2))
    if rng.chance(0.5):
        reply = Turn("assistant", text, DECISIVE_WEIGHT)
        return Document("json", (user_turn(asked_in_words(rng, task), 0.03), reply))
    question = task.question
    if rng.chance(0.55):
        loose = sample_composed(lambda: any_form(rng, rng.language, "json_loose"), rng.held_out)
        question = loose.replace("{question}", question)
    reply = Turn("assistant", text, DECISIVE_WEIGHT, forced=forced_parts(task.answer, text))
    return Document("json", (user_turn(question, 0.03), reply))
