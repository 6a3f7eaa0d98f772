"""Tools that people really offer, and requests for them as people type them: `everyday_tools.toml` of each language.

A rule there is one tool: its names, its parameters, its descriptions, and the requests. An argument is copied from the
request without its article, or it is what a word of the request means. Distractors share no request with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from ..prompts import Language
from .grammar import any_form, form_of_line, grammar, sample_composed
from .noise import CHINESE_NUMBERS, NUMBER_WORDS
from .story_values import clock_time, invented_word, person, phone, place, word
from .tool_topics import Argument, Call, Parameter, Tool, written_name
from .vocabulary import SampleRandom, fill_form

PREFIX = "everyday_"
HELD_OUT_TOOLS = ("gift", "pill", "poll", "channel", "sensor")
# Tools of one group could serve each other's requests, so one is never offered in place of another.
SIMILAR = (
    *("alarm timer reminder event", "note memo todo reminder shopping cart issue", "message sms email", "run workout"),
    *("route navigate taxi bus train ticket flight", "event doctor meeting room reminder absent leave shift"),
    *("restaurant table delivery food order shopping cart", "light lighton colour off", "thermostat ac"),
    *("search news weather word idiom translate recipe gift price score movie", "expense transfer invoice"),
    *("open logs print", "stock price gift", "reserve renew", "contact query_person call", "deploy restart"),
    "currency units",
)  # fmt: skip
Drawn = tuple[str, Argument]
Slot = tuple[str, tuple[str, ...], Callable[[SampleRandom], Drawn]]  # type, choices, how it is drawn


@dataclass(frozen=True)
class EverydayTool:
    names: tuple[str, ...]
    looks_up: bool
    parameters: tuple[tuple[str, tuple[str, ...], bool], ...]  # slot, names of its parameter, required
    descriptions: tuple[str, ...]
    requests: tuple[str, ...]


@cache
def everyday_tools(language: Language) -> dict[str, EverydayTool]:
    rules = {rule: lines for rule, lines in grammar(language).items() if rule.startswith(PREFIX)}
    return {rule.removeprefix(PREFIX): _read(lines) for rule, lines in rules.items()}


def _read(lines: tuple[str, ...]) -> EverydayTool:
    parts: dict[str, list[str]] = {"N": [], "N?": [], "P": [], "D": [], "": []}
    for line in lines:
        mark, _, rest = line.partition(" ")
        parts[mark if mark in parts else ""].append(rest if mark in parts and rest else line)
    parameters = []
    for part in parts["P"][0].split():
        slot, _, names = part.partition("=")
        parameters.append((slot.rstrip("?"), tuple(names.split("|")), not slot.endswith("?")))
    requests = tuple(line for line in parts[""])
    names_of_tool = tuple(parts["N"][0].split("|"))
    return EverydayTool(names_of_tool, bool(parts["N?"]), tuple(parameters), tuple(parts["D"]), requests)


def are_similar(topic: str, other: str) -> bool:
    a, b = topic.removeprefix(PREFIX), other.removeprefix(PREFIX)
    return any(a in group.split() and b in group.split() for group in SIMILAR)


def is_everyday(topic: str) -> bool:
    return topic.startswith(PREFIX)


def looks_up(language: Language, topic: str) -> bool:
    return everyday_tools(language)[topic.removeprefix(PREFIX)].looks_up


def words_of_names(language: Language, topic: str) -> set[str]:
    return {part for name in everyday_tools(language)[topic.removeprefix(PREFIX)].names for part in name.split()}


def everyday_call(rng: SampleRandom) -> Call:
    known = [name for name in everyday_tools(rng.language) if name not in HELD_OUT_TOOLS]
    held_out = [name for name in everyday_tools(rng.language) if name in HELD_OUT_TOOLS]
    topic = rng.choice(held_out if rng.held_out and rng.chance(0.3) else known)
    entry = everyday_tools(rng.language)[topic]
    form = sample_composed(lambda: form_of_line(rng, rng.language, rng.choice(entry.requests)), rng.held_out)
    parameters = _parameters(rng, entry, form)
    drawn = _arguments(rng, [slot for slot in parameters if f"{{{slot}}}" in form])
    said = {slot: text for slot, (text, _) in drawn.items()}
    arguments = {parameters[slot].name: value for slot, (_, value) in drawn.items()}
    description = form_of_line(rng, rng.language, rng.choice(entry.descriptions))
    if rng.language == "en" and rng.chance(0.35):
        description = description.rstrip(".")
    tool = Tool(written_name(rng, rng.choice(entry.names)), description, tuple(parameters.values()))
    return Call(PREFIX + topic, tool, _as_typed(rng, form, said), arguments, said)


def _parameters(rng: SampleRandom, entry: EverydayTool, form: str) -> dict[str, Parameter]:
    """One for each slot; an optional one that the request does not name may be missing altogether."""
    parameters: dict[str, Parameter] = {}
    taken: set[str] = set()
    for slot, names, required in entry.parameters:
        if not required and f"{{{slot}}}" not in form and rng.chance(0.4):
            continue
        name = rng.choice([name for name in names if name not in taken])
        taken.add(name)
        kind, choices, _ = SLOTS[slot]
        parameters[slot] = Parameter(name, kind, choices, required)
    return parameters


def _arguments(rng: SampleRandom, slots: list[str]) -> dict[str, Drawn]:
    drawn: dict[str, Drawn] = {}
    for slot in slots:
        value = SLOTS[slot][2](rng)
        while value in drawn.values():
            value = SLOTS[slot][2](rng)
        drawn[slot] = value
    return drawn


_ON_DAY = re.compile(r"\bon (?=today|tomorrow|tonight|next|this|the day after)")


def _as_typed(rng: SampleRandom, form: str, said: dict[str, str]) -> str:
    text = form.format(**said)
    if rng.language == "en":
        text = _ON_DAY.sub("", text)
        if rng.chance(0.55):
            text = fill_form("{text}", text=text)
        text += rng.choice((".", ".", "!", "", "")) if text[-1].isalnum() else ""
        return text
    question = re.search(r"[吗没啥几么]$|多少$|怎么样$|咋样$", text) is not None
    return text + (rng.choice(("？", "？", "?", "")) if question else rng.choice(("", "", "。", "！", "")))


# ---- what the slots are filled with ----


def _text(draw: Callable[[SampleRandom], str]) -> Slot:
    def drawn(rng: SampleRandom) -> Drawn:
        said = draw(rng)
        return said, re.sub(r"^(?:the|my) ", "", said)

    return "string", (), drawn


def _word(rule: str, invented: float = 0.0) -> Slot:
    return _text(lambda rng: invented_word(rng) if rng.chance(invented) else word(rng, rule))


def _whole(rule: str) -> Slot:
    def drawn(rng: SampleRandom) -> Drawn:
        said = word(rng, rule)
        return said, said

    return "string", (), drawn


def _integer(low: int, high: int) -> Slot:
    def drawn(rng: SampleRandom) -> Drawn:
        n = rng.randint(low, high)
        if 1 < n <= 20 and rng.chance(0.12):
            return ("两" if n == 2 else CHINESE_NUMBERS[n]) if rng.language == "zh" else NUMBER_WORDS[n], n
        return str(n), n

    return "integer", (), drawn


def _number(low: int, high: int) -> Slot:
    def drawn(rng: SampleRandom) -> Drawn:
        if rng.chance(0.2):
            value = rng.randint(low, high) + rng.randint(1, 9) / 10
            return str(value), value
        n = rng.randint(low, high)
        return str(n), n

    return "number", (), drawn


def _meaning(en: dict[str, str], zh: dict[str, str]) -> Slot:
    def drawn(rng: SampleRandom) -> Drawn:
        said, value = rng.choice(list((zh if rng.language == "zh" else en).items()))
        return said, value

    return "string", tuple(dict.fromkeys(en.values())), drawn


def _person(rng: SampleRandom) -> str:
    return word(rng, "word_role") if rng.chance(0.35) else person(rng).text


def _title(rng: SampleRandom) -> str:
    noun = word(rng, "word_noun")
    if rng.language == "zh":
        return f"{word(rng, 'word_adjective')}{noun}" if rng.chance(0.8) else invented_word(rng)
    if rng.chance(0.2):
        return f"{invented_word(rng).capitalize()} {noun}"
    return rng.choice(("The ", "", "", "")) + f"{word(rng, 'word_adjective')} {noun}"


def _song(rng: SampleRandom) -> str:
    return word(rng, "word_song") if rng.chance(0.25) else _title(rng)


def _team(rng: SampleRandom) -> str:
    name = place(rng) if rng.chance(0.7) else word(rng, "word_adjective")
    noun = word(rng, "word_team_noun")
    if rng.language == "zh":
        return noun if rng.chance(0.3) else f"{place(rng)}{noun}"
    return noun if rng.chance(0.4) else f"{name} {noun}"


def _eatery(rng: SampleRandom) -> str:
    draw = rng.random()
    if rng.language == "zh":
        tail = rng.choice(("饭店", "火锅", "酒楼", "烤鸭店", "面馆", "小馆", "餐厅", "私房菜"))
        return (place(rng) if draw < 0.5 else word(rng, "word_shop_name")) + tail
    if draw < 0.35:
        return person(rng).text.split()[-1] + "'s"
    return _title(rng) if draw < 0.75 else f"{rng.choice(('Chez', 'Casa', 'Bar', 'Café'))} {place(rng)}"


def _spot(rng: SampleRandom) -> str:
    draw = rng.random()
    if draw < 0.55:
        return word(rng, "word_spot")
    return place(rng) if draw < 0.75 else _street(rng)


def _street(rng: SampleRandom) -> str:
    name = word(rng, "word_street_name") if rng.chance(0.7) else invented_word(rng).capitalize()
    kind = word(rng, "word_street_kind")
    return f"{name}{kind}" if rng.language == "zh" else f"{name} {kind}"


def _address(rng: SampleRandom) -> str:
    n = rng.randint(1, 250)
    if rng.language == "zh":
        return f"{_street(rng)}{n}号" + (f"{rng.randint(1, 30)}栋" if rng.chance(0.2) else "")
    return f"{n} {_street(rng)}" if rng.chance(0.6) else f"{_street(rng)} {n}"


def _code(rng: SampleRandom) -> str:
    letters = "".join(rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=rng.randint(1, 3)))
    digits = str(rng.randint(100, 10**8))
    return rng.choice((f"{letters}{digits}", f"{letters}-{digits[:4]}", digits + letters, f"{letters}{digits[:3]}"))


def _sku(rng: SampleRandom) -> str:
    head = rng.choice(("SKU-", "ART", "P-", "item-", "X", "NO", "BK-", "TX", "K"))
    return f"{head}{rng.randint(10, 99999)}"


def _room_code(rng: SampleRandom) -> str:
    if rng.language == "zh" and rng.chance(0.2):
        return rng.choice("二三四五六") + rng.choice(("楼大会议室", "号会议室", "楼小会议室"))
    return rng.choice((f"{rng.choice('ABCDEF')}{rng.randint(1, 420)}", str(rng.randint(101, 920))))


def _file(rng: SampleRandom) -> str:
    stem, end = word(rng, "word_file_stem"), word(rng, "word_file_end")
    if rng.chance(0.35):
        stem += rng.choice(("_", "-", "")) + rng.choice(
            (str(rng.randint(1, 2030)), "final", "v2", "old", "new", "copy")
        )
    folder = rng.choice(("", "", "", "", "docs/", "tmp/", "src/", "/home/", "./", "data/"))
    return folder + stem + end


def _url(rng: SampleRandom) -> str:
    name = invented_word(rng).lower() if rng.language == "en" else word(rng, "word_env").lower()
    name = name if name.isascii() else f"site{rng.randint(1, 99)}"
    return (
        f"{rng.choice(('', 'www.', 'api.', 'shop.'))}{name}{rng.choice(('.com', '.org', '.net', '.io', '.cn', '.de'))}"
    )


def _branch(rng: SampleRandom) -> str:
    tail = "-".join(
        rng.sample(("login", "cart", "bug", "retry", "docs", "typo", "cache", "v3", "api", "tests", "ui"), 2)
    )
    return rng.choice(("", "fix/", "feature/", "hotfix-", "wip-")) + tail


def _made(rule: str) -> Slot:
    """A text of several words, some of them of other slots; copied as it stands."""

    def drawn(rng: SampleRandom) -> Drawn:
        text = any_form(rng, rng.language, rule)
        while slots := re.findall(r"\{(\w+)\}", text):
            text = text.replace(f"{{{slots[0]}}}", str(SLOTS[slots[0]][2](rng)[0]), 1)
        return text, text

    return "string", (), drawn


SLOTS: dict[str, Slot] = {
    "time": _text(lambda rng: clock_time(rng, 5, 23)), "day": _whole("word_due_day"), "minutes": _integer(2, 120),
    "days": _integer(2, 30), "nights": _integer(2, 14), "count": _integer(2, 40), "percent": _integer(1, 99),
    "degrees": _integer(5, 30), "ml": _integer(30, 260), "litres": _integer(2, 90), "channel": _integer(2, 99),
    "maxprice": _integer(5, 900), "amount": _number(2, 3000), "number": _number(2, 500), "km": _number(2, 42),
    "kilos": _number(1, 30), "place": _text(place), "place2": _text(place), "spot": _text(_spot), "spot2": _text(_spot),
    "person": _text(_person), "student": _text(lambda rng: person(rng).text), "address": _text(_address),
    "task": _word("word_chore"), "title": _word("word_appointment"), "text": _made("made_text"),
    "note": _made("made_note"), "question": _made("made_question"), "song": _text(_song), "show": _text(_title),
    "book": _text(_title), "team": _text(_team), "eatery": _text(_eatery), "dish": _word("word_dish", 0.1),
    "ingredient": _word("word_ingredient", 0.1), "product": _word("word_product", 0.1), "bed": _word("word_bed"),
    "sku": _text(_sku), "code": _text(_code), "id": _text(lambda rng: str(rng.randint(1000, 10**6))),
    "roomcode": _text(_room_code), "room": _word("word_room"), "device": _word("word_device"),
    "sport": _word("word_activity"), "category": _word("word_category"), "account": _word("word_account"),
    "department": _word("word_department"), "medicine": _word("word_medicine", 0.2), "door": _word("word_door"),
    "service": _word("word_service"), "host": _word("word_host"), "env": _word("word_env"), "file": _text(_file),
    "file2": _text(_file), "url": _text(_url), "branch": _text(_branch), "table": _word("word_table_name"),
    "subject": _word("word_school_subject"), "lemma": _word("word_lemma", 0.3), "idiom": _word("word_idiom"),
    "phrase": _made("made_phrase"), "language": _word("word_language"), "currency": _word("word_currency"),
    "currency2": _word("word_currency"), "unita": _word("word_unit_name"), "unitb": _word("word_unit_name"),
    "topic": _word("word_topic", 0.1), "app": _word("word_app_name", 0.15), "company": _word("word_company", 0.25),
    "phone": _text(phone), "colour": _word("word_colour"), "line": _text(lambda rng: str(rng.randint(1, 199))),
    "label": _word("word_appointment"), "field": _word("word_field"),
    "unit": _meaning(
        {"celsius": "celsius", "fahrenheit": "fahrenheit", "Celsius degrees": "celsius"},
        {"摄氏度": "celsius", "华氏度": "fahrenheit"},
    ),
    "prio": _meaning(
        {"high priority": "high", "low priority": "low", "urgent": "high", "high-prio": "high", "critical": "high",
         "minor": "low", "medium": "medium", "normal": "medium"},
        {"紧急": "high", "高优先级": "high", "加急": "high", "低优先级": "low", "不急的": "low", "普通": "medium"},
    ),
    "upordown": _meaning(
        {"up": "open", "down": "close", "open": "open", "closed": "close"},
        {"打开": "open", "拉开": "open", "关上": "close", "拉上": "close", "合上": "close"},
    ),
}  # fmt: skip
