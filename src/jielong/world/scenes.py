"""Reading short texts of ordinary life: notes, lists, messages and tales of what two or three do, have or are.

Unlike stories, which are made of single relations, each scene (`scenes.toml` of each language) tells several things
together; what is asked stands in the text or belongs to what no text of the scene tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from ..prompts import Language
from .grammar import any_form, form_of_line, grammar, sample_composed
from .story_layouts import framed, laid_out, sentence_case, separator
from .story_values import clock_time, date, invented_word, person, phone, place, price, word
from .training_examples import Document, Turn, decisive_turn, user_turn
from .vocabulary import SampleRandom

PREFIX = "scene_"
WRAP = "scene_question_wrap"
UNTOLD_SHARE = 0.36
# What is never told of a person unless the scene says so (its line X).
_OF_PERSONS = ("job", "birthplace", "food", "pet", "age", "children", "birthday", "fear", "sister", "language", "drink")


@dataclass(frozen=True)
class Scene:
    slots: dict[str, str]
    told_of: frozenset[str]
    texts: tuple[str, ...]
    questions: tuple[tuple[str, str], ...]  # the slot that answers, the question
    untold: tuple[str, ...]


@dataclass(frozen=True)
class ReadScene:
    """`values` are the words of each slot as an answer says them."""

    text: str
    question: str
    answer: str
    answerable: bool


@cache
def scenes(language: Language) -> dict[str, Scene]:
    rules = grammar(language)
    return {r.removeprefix(PREFIX): _read(rules[r]) for r in rules if r.startswith(PREFIX) and r != WRAP}


def _read(lines: tuple[str, ...]) -> Scene:
    of_mark: dict[str, list[str]] = {"S": [], "X": [], "T": [], "Q": [], "U": []}
    for line in lines:
        mark, _, rest = line.partition(" ")
        of_mark[mark].append(rest)
    slots = dict(part.split("=", 1) for part in of_mark["S"][0].split())
    questions = tuple((rest.partition(" ")[0], rest.partition(" ")[2]) for rest in of_mark["Q"])
    told_of = frozenset(" ".join(of_mark["X"]).split())
    return Scene(slots, told_of, tuple(of_mark["T"]), questions, tuple(of_mark["U"]))


def sample_scene(rng: SampleRandom, answerable: bool) -> ReadScene:
    text, asked = _told(rng, answerable)
    question, answer = rng.choice(asked)
    return ReadScene(text, question, answer or rng.phrase("not_told"), answerable)


def _told(rng: SampleRandom, answerable: bool) -> tuple[str, list[tuple[str, str]]]:
    """A text, and some questions with their answers: "" for what is not told."""
    while True:
        scene = scenes(rng.language)[rng.choice(list(scenes(rng.language)))]
        form = form_of_line(rng, rng.language, rng.choice(scene.texts))
        named = set(re.findall(r"\{(\w+?)(?:_x)?\}", form))
        values = _values(rng, scene)
        text = form.format(**values)
        if answerable:
            ways = [(slot, line) for slot, line in scene.questions if slot in named]
            asked = [
                (question, values[f"{slot}_"])
                for slot, line in ways
                if (question := _question(rng, line, named, values))
            ]
        else:
            lines = [*scene.untold, *(_of_person(rng, scene, named) for _ in range(2))]
            asked = [(question, "") for line in lines if line and (question := _question(rng, line, named, values))]
        if asked:
            return _dressed(rng, text), asked


def _of_person(rng: SampleRandom, scene: Scene, named: set[str]) -> str:
    """A question on somebody of the text that the scene says nothing to."""
    people = [slot for slot, kind in scene.slots.items() if slot in named and kind in ("person", "name")]
    relations = [relation for relation in _OF_PERSONS if relation not in scene.told_of]
    if not people or not relations:
        return ""
    return any_form(rng, rng.language, f"ask_{rng.choice(relations)}").replace("{s}", f"{{{rng.choice(people)}}}")


def _question(rng: SampleRandom, line: str, named: set[str], values: dict[str, str]) -> str:
    """The question filled in; "" where it names what the text does not."""

    def compose() -> str:
        form, wrap = form_of_line(rng, rng.language, line), any_form(rng, rng.language, WRAP)
        if not wrap.startswith("{ask}") and not form.startswith("{"):
            form = form[:1].lower() + form[1:]
        return wrap.replace("{ask}", form)

    form = sample_composed(compose, rng.held_out)
    if not set(re.findall(r"\{(\w+?)(?:_x)?\}", form)) <= named:
        return ""
    return sentence_case(form.format(**values)) if rng.chance(0.6) else form.format(**values)


def _values(rng: SampleRandom, scene: Scene) -> dict[str, str]:
    """For each slot: as the text says it, `_` as an answer does, `_x` as a question takes it up."""
    values: dict[str, str] = {}
    taken: set[str] = set()
    for slot, kind in scene.slots.items():
        said, bare, again = _drawn(rng, kind)
        while any(bare in other or other in bare for other in taken):
            said, bare, again = _drawn(rng, kind)
        taken.add(bare)
        values |= {slot: said, f"{slot}_": bare, f"{slot}_x": again}
    return values


def _drawn(rng: SampleRandom, kind: str) -> tuple[str, str, str]:
    if kind in ("object", "pet"):
        noun = word(rng, "word_event_object" if kind == "object" else "word_pet")
        if rng.language == "zh":
            return f"一{noun}", noun[1:], f"那{noun}"
        return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}", noun, f"the {noun}"
    text = KINDS[kind](rng)
    return text, re.sub(r"^(?:the|a) ", "", text) if kind not in ("lair",) else text, text


def _dressed(rng: SampleRandom, text: str) -> str:
    """With what surrounds a text in life: more sentences that tell nothing of what is asked, or a title."""
    if rng.language == "en" and rng.chance(0.75):
        text = text[:1].upper() + text[1:]
    if rng.chance(0.12):
        filler = rng.sentence("filler")
        text = f"{filler}{separator(rng)}{text}"
    if rng.chance(0.08):
        name = person(rng).text
        text = framed(rng, "chat_line", s=name, text=text) if name not in text else text
    return text


# ---- what the slots are filled with ----


def _of(rule: str, invented: float = 0.12) -> Callable[[SampleRandom], str]:
    return lambda rng: invented_word(rng) if rng.chance(invented) else word(rng, rule)


def _name(rng: SampleRandom) -> str:
    return invented_word(rng).capitalize() if rng.chance(0.45) else person(rng).text


def _number(low: int, high: int) -> Callable[[SampleRandom], str]:
    return lambda rng: str(rng.randint(low, high))


def _river(rng: SampleRandom) -> str:
    if rng.language == "en":
        return invented_word(rng).capitalize() if rng.chance(0.6) else word(rng, "word_river_name")
    return f"{invented_word(rng)}河" if rng.chance(0.6) else word(rng, "word_river_name")


def _land(rng: SampleRandom) -> str:
    name = rng.name().text(rng.language) if rng.chance(0.3) else invented_word(rng).capitalize()
    if rng.language == "zh":
        return f"{name}国"
    return word(rng, "word_country") if rng.chance(0.15) else name + rng.choice(("", "", "land", "ia"))


def _company(rng: SampleRandom) -> str:
    name = place(rng)
    if rng.language == "zh":
        return name + rng.choice(("公司", "商行", "工厂", "超市", "农场", "书店"))
    return name + rng.choice((" Ltd", " & Sons", " Foods", " Garage", "", " Farm", " House"))


def _brand(rng: SampleRandom) -> str:
    return invented_word(rng).capitalize()


def _team(rng: SampleRandom) -> str:
    return ("" if rng.chance(0.4) else place(rng) + ("" if rng.language == "zh" else " ")) + word(rng, "word_team_noun")


def _landmark(rng: SampleRandom) -> str:
    noun = word(rng, "word_landmark_noun")
    return f"{place(rng)}{noun}" if rng.language == "zh" else f"the {place(rng)} {noun}"


def _street(rng: SampleRandom) -> str:
    name, kind = word(rng, "word_street_name"), word(rng, "word_street_kind")
    name = invented_word(rng).capitalize() if rng.chance(0.4) else name
    return f"{name}{kind}" if rng.language == "zh" else f"{name} {kind}"


def _small(rng: SampleRandom) -> str:
    n = rng.randint(2, 9)
    if rng.language == "zh":
        return rng.choice((str(n), "零一两三四五六七八九"[n]))
    return rng.choice((str(n), "two three four five six seven eight nine".split()[n - 2]))


def _point(rng: SampleRandom) -> str:
    return f"{rng.randint(1, 99)}, {rng.randint(1, 99)}"


KINDS: dict[str, Callable[[SampleRandom], str]] = {
    "person": lambda rng: person(rng).text, "name": _name, "place": place, "team": _team, "company": _company,
    "brand": _brand, "landmark": _landmark, "street": _street, "river": _river, "land": _land, "point": _point,
    "food": _of("word_food"), "drink": _of("word_drink"), "job": _of("word_job"), "colour": _of("word_colour", 0.05),
    "material": _of("word_material"), "subject": _of("word_school_subject"), "product": _of("word_product"),
    "animal": _of("word_animal", 0), "lair": _of("word_lair", 0), "kin": _of("word_kin", 0), "crop": _of("word_crop"),
    "livestock": _of("word_livestock", 0), "utility": _of("word_utility", 0), "chore": _of("word_chore", 0),
    "appointment": _of("word_appointment", 0), "spot": _of("word_event_place", 0), "vehicle": _of("word_transport", 0),
    "shopname": _of("word_shop_name", 0.2), "toy": _of("word_toy", 0), "toolobj": _of("word_tool_obj", 0),
    "thing": _of("word_tool_obj", 0), "toyobj": _of("word_toy_obj", 0), "adverbm": _of("word_adverb", 0),
    "ordinal": _of("word_ordinal", 0), "unitword": _of("word_unit_word", 0), "day": _of("word_day", 0),
    "time": lambda rng: clock_time(rng, 6, 22), "date": date, "price": price, "phone": phone, "small": _small,
    "money": price, "number": _number(10, 990), "line": _number(2, 199), "roomno": _number(101, 999),
}  # fmt: skip


# ---- documents ----


def scene_turns(rng: SampleRandom) -> list[Turn]:
    """A text and a question on it, now and then further ones."""
    told = not rng.chance(UNTOLD_SHARE)
    text, asked = _told(rng, told)
    rng.shuffle(asked)
    question, answer = asked[0]
    turns = [user_turn(laid_out(rng, text, question), 0.05), decisive_turn(answer or rng.phrase("not_told"))]
    for question, answer in asked[1:2] if rng.chance(0.25) and not rng.short else ():
        turns += [user_turn(question, 0.05), decisive_turn(answer or rng.phrase("not_told"))]
    return turns


def scene_document(rng: SampleRandom) -> Document:
    return Document("reading", tuple(scene_turns(rng)))
