"""Calling tools as people's requests need them: one, none, two in a row, and answers that use the results.

A tool that does another thing with the same object, or the same with another object, is no help.
"""

import json
from dataclasses import dataclass

from . import facts, plain_arithmetic, word_problems
from .conversation import sample_intent, small_talk, spoken, talk_turns
from .everyday_tools import are_similar, everyday_call, is_everyday, looks_up, words_of_names
from .grammar import grammar
from .story_values import clock_time, word
from .tool_topics import HELD_OUT_TOPICS, NEAR, TOPICS, Call, Tool, thing_call, topic_call
from .training_examples import DECISIVE_WEIGHT, Document, Turn, assistant_turn, decisive_turn, user_turn
from .vocabulary import SampleRandom

NO_CALL_SHARE = 0.3


@dataclass(frozen=True)
class ToolRequest:
    """Tools, a request, and the call that serves it: None where no tool does."""

    tools: tuple[Tool, ...]
    request: str
    call: Call | None


def sample_call(rng: SampleRandom) -> Call:
    """A request and its tool; in exams half of the topics were never in training."""
    draw = rng.random()
    if draw < 0.58:
        return everyday_call(rng)
    if draw < 0.8:
        return thing_call(rng)
    known = [topic for topic in TOPICS if topic not in HELD_OUT_TOPICS]
    return topic_call(rng, rng.choice(HELD_OUT_TOPICS if rng.held_out and rng.chance(0.5) else known))


def sample_tool_request(rng: SampleRandom, fits: bool) -> ToolRequest:
    """One to five tools; `fits` says whether one of them serves the request."""
    wanted = sample_call(rng)
    count = rng.choice((1, 2) if rng.short else (1, 2, 2, 3, 3, 4, 5))
    others = [_distractor(rng, wanted) for _ in range(count - 1 if fits else count)]
    tools = list({tool.name: tool for tool in (call.tool for call in others)}.values())
    tools = [tool for tool in tools if tool.name != wanted.tool.name]
    if fits:
        tools.append(wanted.tool)
    if not tools:
        return sample_tool_request(rng, fits)
    rng.shuffle(tools)
    return ToolRequest(tuple(tools), wanted.request, wanted if fits else None)


def _distractor(rng: SampleRandom, wanted: Call) -> Call:
    """Another tool: of the same verb, of the same thing, or of another topic."""
    while True:
        other = _near_call(rng, wanted) if " " in wanted.topic and rng.chance(0.5) else sample_call(rng)
        if other.topic != wanted.topic and not _could_serve(rng, other, wanted):
            return other


def _could_serve(rng: SampleRandom, call: Call, wanted: Call) -> bool:
    """Whether the tool of one of the two might serve the request for the other."""
    everyday = [is_everyday(each.topic) for each in (call, wanted)]
    if all(everyday):
        return are_similar(call.topic, wanted.topic)
    if any(everyday):
        first, other = (call, wanted) if everyday[0] else (wanted, call)
        if " " not in other.topic:
            return True  # topics of both lists are the same in part
        return bool(words_of_names(rng.language, first.topic) & set(other.topic.split()))
    return any({call.topic, wanted.topic} <= near for near in NEAR)


def _near_call(rng: SampleRandom, wanted: Call) -> Call:
    base, _, thing = wanted.topic.partition(" ")
    rules = grammar(rng.language)
    if rng.chance(0.5):
        verb = next(line for line in rules["word_tool_verb"] if line.split("|")[0] == base)
        return thing_call(rng, verb=verb)
    things = rules["word_tool_thing"]
    return thing_call(rng, thing=next(line for line in things if line.split("|")[0] == thing))


def tools_message(tools: tuple[Tool, ...]) -> Turn:
    return Turn("tools", "\n".join(tool.line for tool in tools), 0.02)


def call_turn(call: Call) -> Turn:
    return Turn("assistant", call.json, DECISIVE_WEIGHT, call=True)


# ---- results ----

_ACTIONS = (
    "reminder",
    "alarm",
    "timer",
    "email",
    "call",
    "event",
    "hotel",
    "light",
    "heating",
    "music",
    "shopping",
    "taxi",
)


def result_and_answer(rng: SampleRandom, call: Call) -> tuple[str, str]:
    """What the tool answers, as text or JSON, and what mini makes of it."""
    if rng.chance(0.08):
        error = rng.choice(("not found", "timeout", "no connection", "access denied"))
        text = json.dumps({"error": error}) if rng.chance(0.6) else f"Error: {error}"
        return text, rng.phrase("tool_failed", error=error)
    everyday = is_everyday(call.topic)
    if call.topic in _ACTIONS or " " in call.topic or (everyday and not looks_up(rng.language, call.topic)):
        status = rng.choice(("ok", "done", "success", '{"status": "ok"}', '{"ok": true}', '{"result": "done"}'))
        return status, rng.phrase("tool_done")
    value = _result_value(rng, call)
    key = rng.choice((call.topic.removeprefix("everyday_"), "result", "value", "answer"))
    text = json.dumps({key: value}, ensure_ascii=False) if rng.chance(0.5) else value
    known = call.topic in ("weather", "local_time", "currency", "translate", "distance", "contact")
    return text, rng.phrase(f"result_{call.topic}" if known else "result_any", r=value, **call.words)


def _result_value(rng: SampleRandom, call: Call) -> str:
    if call.topic == "weather":
        return word(rng, "word_weather_result")
    if call.topic == "local_time":
        return clock_time(rng, 13, 22)
    if call.topic == "currency":
        return str(rng.randint(10, 99999) / 10)
    if call.topic == "distance":
        return f"{rng.randint(12, 9000)} km"
    if call.topic == "contact":
        return f"{rng.randint(100, 999)} {rng.randint(1000, 9999)}"
    if call.topic == "translate":
        return rng.name().text("en").lower()
    return word(rng, rng.choice(("word_title", "word_topic", "word_place", "word_when")))


# ---- documents ----


def tool_call_document(rng: SampleRandom) -> Document:
    if rng.chance(0.24):
        return _unneeded_document(rng)
    fits = not rng.chance(NO_CALL_SHARE)
    sample = sample_tool_request(rng, fits)
    turns = [tools_message(sample.tools), user_turn(sample.request, 0.02)]
    if sample.call is None:
        return Document("tools", (*turns, decisive_turn(rng.phrase("no_tool_sentence"))))
    turns.append(call_turn(sample.call))
    if rng.chance(0.4):
        result, answer = result_and_answer(rng, sample.call)
        turns += [Turn("tool", result, 0.0), assistant_turn(answer)]
        if rng.chance(0.4) and not rng.short:
            return _second_request(rng, sample, turns)
    return Document("tools", tuple(turns))


def _second_request(rng: SampleRandom, first: ToolRequest, turns: list[Turn]) -> Document:
    """Another request with another tool, in a turn of its own or in one sentence with the first."""
    assert first.call
    second = _distractor(rng, first.call)
    while second.tool.name in {tool.name for tool in first.tools}:
        second = _distractor(rng, first.call)
    tools = [*first.tools[-3:], second.tool]
    if first.call.tool not in tools:
        tools[0] = first.call.tool
    rng.shuffle(tools)
    result, answer = result_and_answer(rng, second)
    last = [call_turn(second), Turn("tool", result, 0.0)]
    if rng.chance(0.5):
        middle = [user_turn(second.request, 0.02), *last, assistant_turn(answer)]
        return Document("tools", (tools_message(tuple(tools)), *turns[1:], *middle))
    both = user_turn(f"{first.request}{rng.phrase('and_also')}{second.request}", 0.02)
    separator = "" if rng.language == "zh" else " "
    end = assistant_turn(turns[-1].text + separator + answer)
    if rng.chance(0.3):  # as one message with two calls is shown
        return Document("tools", (tools_message(tuple(tools)), both, turns[2], last[0], turns[3], last[1], end))
    return Document("tools", (tools_message(tuple(tools)), both, *turns[2:4], *last, end))


def _unneeded_document(rng: SampleRandom) -> Document:
    """Tools, and what mini answers as it would without them, or says that none of them can do."""
    kind = rng.choices(("fact", "problem", "sum", "talk", "outside", "undoable"), (6, 3, 2.5, 4, 1.5, 3.5))[0]
    tools = tools_message(_tools_beside(rng, kind))
    if kind == "fact":
        fact = facts.sample_fact(rng)
        reply = decisive_turn(fact.value.text(rng.language))
        return Document("tools", (tools, user_turn(fact.question(rng), 0.02), reply), (fact.id,))
    if kind == "problem":
        turns = word_problems.step_by_step_turns(rng, word_problems.sample_problem(rng, rng.choice((1, 2))))
    elif kind == "sum":
        turns = plain_arithmetic.arithmetic_turns(rng, plain_arithmetic.sample_calculation(rng))
    elif kind == "undoable":
        request = spoken(rng, "undoable")
        turns = [user_turn(request, 0.02), decisive_turn(rng.phrase("no_tool_sentence"))]
    elif kind == "talk":
        turns = talk_turns(*small_talk(rng, sample_intent(rng)))
    else:
        turns = talk_turns(spoken(rng, "outside_question"), rng.sentence("outside_question_reply"))
    return Document("tools", (tools, *turns))


# Tools that could answer what is asked beside them.
_ANSWERING = ("coordinates", "query_person", "contact", "search", "units", "currency")


def _tools_beside(rng: SampleRandom, kind: str) -> tuple[Tool, ...]:
    """Tools that are of no use for what comes; beside a question on the world only such as do something."""
    tools: dict[str, Tool] = {}
    count = rng.choice((1, 2, 2, 3, 3, 4))
    while len(tools) < count:
        call = thing_call(rng) if rng.chance(0.25) and kind != "undoable" else everyday_call(rng)
        everyday = is_everyday(call.topic)
        if everyday and call.topic.removeprefix("everyday_") in _ANSWERING:
            continue
        if kind == "outside" and everyday and looks_up(rng.language, call.topic):
            continue
        tools[call.tool.name] = call.tool
    return tuple(tools.values())
