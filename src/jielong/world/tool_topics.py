"""What tools there are in the world of mini: those of ordinary life, and for each verb and thing one of its own.

Whole topics and things are kept from training, so exams show tools of kinds never seen.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from .grammar import any_form, grammar, sample_composed
from .names import split_bucket
from .story_values import clock_time, date, person, place, word
from .vocabulary import SampleRandom, fill_form

Argument = str | int | float | bool


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str = "string"
    choices: tuple[str, ...] = ()
    required: bool = True

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": self.type} | ({"enum": list(self.choices)} if self.choices else {})


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    parameters: tuple[Parameter, ...]

    def function(self) -> dict[str, Any]:
        """As the OpenAI protocol describes it."""
        properties = {parameter.name: parameter.schema for parameter in self.parameters}
        required = [parameter.name for parameter in self.parameters if parameter.required]
        schema = {"type": "object", "properties": properties, "required": required}
        return {"name": self.name, "description": self.description, "parameters": schema}

    @property
    def line(self) -> str:
        return tool_line(self.function())


_SHORT_TYPES = {"integer": "int", "boolean": "bool", "array": "list"}


def tool_line(function: dict[str, Any]) -> str:
    """A tool as mini's chat template shows it: `- description: name(city, unit=c|f, days:int, note?)`."""
    parameters = function.get("parameters") or {}
    required, shown = parameters.get("required") or [], []
    for name, schema in (parameters.get("properties") or {}).items():
        schema = schema if isinstance(schema, dict) else {}
        kind = schema.get("type")
        text = name if name in required else f"{name}?"
        if choices := schema.get("enum"):
            text += "=" + "|".join(map(str, choices))
        elif isinstance(kind, str) and kind != "string":
            text += f":{_SHORT_TYPES.get(kind, kind)}"
        shown.append(text)
    return f"- {function.get('description') or ''}: {function['name']}({', '.join(shown)})"


@dataclass(frozen=True)
class Call:
    """A request, the tool that serves it, the arguments, and the words in the request that they stand for."""

    topic: str
    tool: Tool
    request: str
    arguments: dict[str, Argument]
    words: dict[str, str]

    @property
    def json(self) -> str:
        return json.dumps({"name": self.tool.name, "arguments": self.arguments}, ensure_ascii=False)


# ---- arguments ----

Drawn = tuple[str, Argument]  # as the request says it; as the call has it
Draw = Callable[[SampleRandom], Drawn]


def _same(draw: Callable[[SampleRandom], str]) -> Draw:
    def drawn(rng: SampleRandom) -> Drawn:
        text = draw(rng)
        return text, text

    return drawn


def _listed(rule: str) -> Draw:
    return _same(lambda rng: word(rng, rule))


def _integer(low: int, high: int) -> Draw:
    def drawn(rng: SampleRandom) -> Drawn:
        n = rng.randint(low, high)
        return str(n), n

    return drawn


def _amount(rng: SampleRandom) -> Drawn:
    if rng.chance(0.25):
        value = rng.randint(10, 9999) / 10
        return str(value), value
    n = rng.randint(2, 2000)
    return str(n), n


def _meaning(en: dict[str, str], zh: dict[str, str]) -> Draw:
    """A value of an enum, and a word that means it."""

    def drawn(rng: SampleRandom) -> Drawn:
        said, value = rng.choice(list((zh if rng.language == "zh" else en).items()))
        return said, value

    return drawn


def _code(rng: SampleRandom) -> str:
    letters = "".join(rng.choices("ABCDEFGHKLMNPRSTUVWXYZ", k=rng.randint(1, 2)))
    kind = rng.randrange(3)
    if kind == 0:
        return f"{letters}{rng.randint(100, 99999)}"
    return f"{letters}-{rng.randint(10, 9999)}" if kind == 1 else str(rng.randint(10**4, 10**8))


_MODES = ("walk", "bike", "car", "train", "bus")
# slot: (names of its parameter, type, choices, how it is drawn)
SLOTS: dict[str, tuple[tuple[str, ...], str, tuple[str, ...], Draw]] = {
    "place": (("city", "place", "location", "town", "start", "origin", "from"), "string", (), _same(place)),
    "place2": (("destination", "to", "target", "end"), "string", (), _same(place)),
    "when": (("when", "day", "date", "time"), "string", (), _listed("word_when")),
    "day": (("date", "day"), "string", (), _same(lambda rng: word(rng, "word_day") if rng.chance(0.5) else date(rng))),
    "time": (("time", "at", "start_time", "when"), "string", (), _same(lambda rng: clock_time(rng, 6, 22))),
    "amount": (("amount", "value", "sum"), "number", (), _amount),
    "currency": (("from", "source", "from_currency", "currency"), "string", (), _listed("word_currency")),
    "currency2": (("to", "target", "to_currency"), "string", (), _listed("word_currency")),
    "text": (("text", "word", "phrase", "term"), "string", (), _listed("word_term")),
    "language": (("language", "target_language", "to", "lang"), "string", (), _listed("word_language")),
    "task": (("text", "task", "message", "what"), "string", (), _listed("word_task")),
    "minutes": (("minutes", "duration", "length"), "integer", (), _integer(2, 90)),
    "person": (("to", "person", "recipient", "contact", "name"), "string", (), _same(lambda rng: person(rng).text)),
    "subject": (("subject", "about", "topic"), "string", (), _listed("word_subject_line")),
    "title": (("title", "event", "name", "what"), "string", (), _listed("word_title")),
    "topic": (("topic", "query", "subject", "about"), "string", (), _listed("word_topic")),
    "company": (("company", "symbol", "name"), "string", (), _listed("word_company")),
    "dish": (("dish", "food", "cuisine", "query"), "string", (), _listed("word_food")),
    "mode": (("mode", "by", "vehicle"), "string", _MODES, _meaning(
        {"bike": "bike", "bicycle": "bike", "car": "car", "train": "train", "bus": "bus"},
        {"骑车": "bike", "开车": "car", "坐火车": "train", "坐公交": "bus", "走路": "walk"})),
    "nights": (("nights", "days", "stay"), "integer", (), _integer(2, 21)),
    "room": (("room", "where", "place"), "string", (), _listed("word_room")),
    "onoff": (("state", "status", "action", "switch"), "string", ("on", "off"), _meaning(
        {"on": "on", "off": "off"}, {"打开": "on", "关掉": "off", "开": "on", "关上": "off"})),
    "degrees": (("degrees", "temperature", "value"), "integer", (), _integer(14, 28)),
    "song": (("song", "title", "query", "name"), "string", (), _listed("word_song")),
    "code": (("number", "code", "id", "tracking_number"), "string", (), _same(_code)),
    "count": (("count", "quantity", "number", "amount"), "integer", (), _integer(2, 24)),
    "item": (("item", "product", "what"), "string", (), _listed("word_item")),
    "country": (("country", "region"), "string", (), _listed("word_country")),
    "year": (("year", "in_year"), "integer", (), _integer(1990, 2040)),
    "id": (("id", "number", "name", "code"), "string", (), _same(_code)),
}  # fmt: skip
# topic: (its slots, those with ? may be missing; names as programmers write them; Chinese names)
TOPICS: dict[str, tuple[str, str, str]] = {
    "weather": ("place when?", "get weather|weather forecast|check weather|current weather|weather", "查天气|天气"),
    "local_time": ("place", "get time|world clock|local time|time in city", "查时间|世界时钟"),
    "currency": ("amount currency currency2", "convert currency|exchange|currency converter|forex", "换算货币|汇率"),
    "translate": ("text language", "translate|translate text|translator|translation", "翻译"),
    "reminder": ("task time", "set reminder|create reminder|remind me|reminders add", "提醒|设提醒"),
    "alarm": ("time", "set alarm|alarm clock|create alarm|wake up", "闹钟|设闹钟"),
    "timer": ("minutes", "start timer|set timer|timer|countdown", "计时器|倒计时"),
    "email": ("person subject", "send email|write mail|compose email|mail", "发邮件|邮件"),
    "call": ("person", "make call|call contact|phone call|dial", "打电话|拨号"),
    "event": ("title day time", "add event|create event|calendar add|schedule event", "加日程|日历"),
    "news": ("topic", "get news|latest news|news search|headlines", "查新闻|新闻"),
    "stock": ("company", "stock price|get stock price|share price|stocks", "查股价|股票"),
    "recipe": ("dish", "find recipe|get recipe|recipe search|cookbook", "查菜谱|菜谱"),
    "route": ("place place2 mode?", "find route|get directions|directions|route planner", "查路线|导航"),
    "flight": ("place place2 day?", "search flights|find flights|flight search|flights", "查航班|航班"),
    "hotel": ("place nights", "book hotel|find hotel|hotel booking|reserve room", "订酒店|酒店"),
    "restaurant": ("dish place", "find restaurant|restaurant search|restaurants near|where to eat", "找餐馆|餐馆"),
    "light": ("room onoff", "set light|switch light|lights|light control", "开关灯|灯光"),
    "heating": ("room degrees", "set temperature|thermostat|set heating|heating", "调温度|暖气"),
    "music": ("song", "play music|play song|music player|play", "放音乐|播放"),
    "dictionary": ("text", "define word|dictionary|lookup word|word meaning", "查词典|词典"),
    "parcel": ("code", "track parcel|track package|parcel status|where is my parcel", "查快递|快递"),
    "shopping": ("item count", "add to shopping list|shopping list add|add item|groceries", "购物清单|加购物"),
    "holidays": ("country year", "list holidays|public holidays|get holidays|holidays", "查假日|假日"),
    "distance": ("place place2", "get distance|distance between|measure distance|how far", "查距离|距离"),
    "taxi": ("place time", "order taxi|call taxi|book cab|taxi", "叫车|打车"),
    "contact": ("person", "find contact|phone book|get phone number|contacts", "查号码|通讯录"),
    "search": ("topic", "web search|search web|internet search|search", "搜索|上网搜"),
}
HELD_OUT_TOPICS = ("stock", "holidays", "distance", "contact")  # of which no everyday tool is a kind, either
# Those whose requests could also be served by another one of them.
NEAR = (
    *({"news", "search"}, {"news", "stock"}, {"call", "contact"}, {"dictionary", "translate"}),
    *({"route", "distance"}, {"alarm", "reminder"}, {"event", "reminder"}, {"recipe", "restaurant"}),
)


# ---- tools ----


def written_name(rng: SampleRandom, words: str) -> str:
    """Words as programmers write a name; now and then an invented name, of which only the description tells."""
    if rng.chance(0.15):
        return "_".join(name.text("en").lower() for name in rng.names(rng.choice((1, 1, 2))))
    parts = words.split()
    style = rng.choice(("snake", "snake", "camel", "kebab", "pascal", "flat"))
    if style == "camel":
        return parts[0] + "".join(part.capitalize() for part in parts[1:])
    if style == "pascal":
        return "".join(part.capitalize() for part in parts)
    return {"snake": "_", "kebab": "-", "flat": ""}[style].join(parts)


def _parameters(rng: SampleRandom, slots: str) -> dict[str, Parameter]:
    """The parameters for slots, each with a name of its own."""
    taken: set[str] = set()
    parameters: dict[str, Parameter] = {}
    names = slots.split()
    for slot in names:
        known, kind, choices, _ = SLOTS[slot.rstrip("?")]
        if slot == "place":
            known = known[4:] if "place2" in names else known[:4]
        name = rng.choice([name for name in known if name not in taken])
        taken.add(name)
        parameters[slot.rstrip("?")] = Parameter(name, kind, choices, not slot.endswith("?"))
    return parameters


def _arguments(rng: SampleRandom, slots: list[str]) -> dict[str, Drawn]:
    drawn: dict[str, Drawn] = {}
    for slot in slots:
        value = SLOTS[slot][3](rng)
        while value in drawn.values():
            value = SLOTS[slot][3](rng)
        drawn[slot] = value
    return drawn


def topic_call(rng: SampleRandom, topic: str) -> Call:
    """A tool of ordinary life and a request for it."""
    slots, names, chinese = TOPICS[topic]
    parameters = _parameters(rng, slots)
    name = rng.choice(names.split("|"))
    written = rng.choice(chinese.split("|")) if rng.language == "zh" and rng.chance(0.12) else written_name(rng, name)
    description = any_form(rng, rng.language, f"does_{topic}")
    if rng.chance(0.3):
        description = description.rstrip(".。")
    tool = Tool(written, description, tuple(parameters.values()))
    form = sample_composed(lambda: any_form(rng, rng.language, f"want_{topic}"), rng.held_out)
    drawn = _arguments(rng, [slot for slot in parameters if f"{{{slot}}}" in form])
    words = {slot: said for slot, (said, _) in drawn.items()}
    arguments = {parameters[slot].name: value for slot, (_, value) in drawn.items()}
    return Call(topic, tool, fill_form(form, **words), arguments, words)


@cache
def _things(language: str, held_out: bool) -> tuple[str, ...]:
    lines = grammar("zh" if language == "zh" else "en")["word_tool_thing"]
    return tuple(line for line in lines if held_out or split_bucket("thing", line.split("|")[0]) != 0)


def thing_call(rng: SampleRandom, verb: str = "", thing: str = "") -> Call:
    """A tool that does one thing with one kind of thing, such as archive_invoice."""
    verb = verb or rng.choice(grammar(rng.language)["word_tool_verb"])
    thing = thing or rng.choice(_things(rng.language, rng.held_out))
    base, verbs, ways = verb.split("|")
    english, *names = thing.split("|")
    names = names[0].split(",") if rng.language == "zh" else [english, *names]
    written = written_name(rng, rng.choice((f"{base} {english}", f"{english} {base}")))
    article = "" if rng.language == "zh" else "an " if names[0][0] in "aeiou" else "a "
    words = {"Verbs": verbs.capitalize(), "verb": base, "a_thing": article + names[0]}
    description = any_form(rng, rng.language, "tool_thing_does").format(**words)
    parameters = _parameters(rng, "id")
    tool = Tool(written, description, tuple(parameters.values()))
    form = sample_composed(lambda: any_form(rng, rng.language, "tool_thing_want"), rng.held_out)
    (said, value) = _arguments(rng, ["id"])["id"]
    way = rng.choice(ways.split(","))
    slots = {"way": way, "Way": way.capitalize(), "thing": rng.choice(names), "id": said}
    if rng.language == "en":
        slots["thing"] = slots["thing"] if form.startswith("{thing}") else f"the {slots['thing']}"
    return Call(f"{base} {english}", tool, fill_form(form, **slots), {parameters["id"].name: value}, {"id": said})
