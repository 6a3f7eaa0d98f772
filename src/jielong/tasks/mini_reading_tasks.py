"""Tasks of mini's world in which a text is read, a tool called or JSON written, registered in `mini_tasks`."""

import json
from collections.abc import Iterator
from typing import Any

from ..bounded_json import read_json
from ..contract import Reply, ToolSpec
from ..world import json_answers, retrieval, story_events, story_layouts, story_reading, tool_calls
from ..world.vocabulary import SampleRandom
from .item import Item
from .metric import CheckMetric, Score

Items = Iterator[Item]


def stories(rng: SampleRandom, variant: str) -> Items:
    """Stories of facts, of events, and of comparisons, with the question before or after the text."""
    while True:
        answerable = variant != "untold" if variant else rng.chance(0.5)
        text, question, answer = _story(rng, answerable)
        yield Item("", story_layouts.laid_out(rng, text, question), (answer,))


def _story(rng: SampleRandom, answerable: bool) -> tuple[str, str, str]:
    kind = rng.choices(("facts", "events", "comparison"), (6, 3, 1))[0]
    not_told = rng.phrase("not_told")
    if kind == "comparison":
        comparison = story_events.sample_comparison(rng, answerable)
        return comparison.text, comparison.question, comparison.answer
    if kind == "events":
        events, index, slot = story_events.sample_events(rng, answerable)
        text = story_layouts.separator(rng).join(event.sentence() for event in events)
        answer = story_events.event_answer(events[index], slot) if answerable else not_told
        return text, story_events.event_question(rng, events[index], slot), answer
    story = story_reading.sample_story(rng, answerable)
    answer = story.asked.answer(rng.language) if answerable else not_told
    return story_layouts.text_of(rng, story.facts), story_reading.question(rng, story.asked), answer


def several_documents(rng: SampleRandom, variant: str) -> Items:
    while True:
        found = retrieval.sample_retrieval(rng, variant)
        yield Item("", found.question, (found.answer,), context=found.documents)


def tool_requests(rng: SampleRandom, variant: str) -> Items:
    """Tools as a request offers them, of topics that half of the time are in no training."""
    while True:
        sample = tool_calls.sample_tool_request(rng, variant != "none" if variant else rng.chance(0.7))
        answer = sample.call.json if sample.call else rng.phrase("no_tool_sentence")
        tools = tuple(ToolSpec(**tool.function()) for tool in sample.tools)
        yield Item("", sample.request, (answer,), tools=tools)


def json_tasks(rng: SampleRandom, variant: str) -> Items:
    while True:
        task = json_answers.sample_json(rng)
        yield Item("", json_answers.asked_in_words(rng, task), (json_answers.json_text(task.answer),))


def calls_as_accepted(item: Item, reply: Reply) -> Score:
    """The tool and all of its arguments; where none fits, no call and the sentence that says so."""
    accepted, calls = item.accepted[0], reply.message.tool_calls
    if not accepted.startswith("{"):
        return Score(float(not calls and reply.text.strip() == accepted), reply.text)
    if len(calls) != 1:
        return Score(0.0, reply.text or None)
    call = {"name": calls[0].name, "arguments": _parsed(calls[0].arguments)}
    return Score(float(call == read_json(accepted)), json.dumps(call, ensure_ascii=False))


def same_json(item: Item, reply: Reply) -> Score:
    """The reply is JSON and holds what was asked."""
    value = _parsed(reply.text)
    return Score(float(value == read_json(item.accepted[0])), None if value is None else reply.text)


def _parsed(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        return None


CALLS, SAME_JSON = CheckMetric("calls_as_accepted", calls_as_accepted), CheckMetric("same_json", same_json)
