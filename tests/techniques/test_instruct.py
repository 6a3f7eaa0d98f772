"""An instruction goes where it is told to, and nothing of the caller's is lost."""

from __future__ import annotations

from jielong.contract import Image, Message, Request, Text
from jielong.recipe import load
from jielong.techniques.prompting import instruct


def told(request: Request, **options: str) -> list[tuple[str, object]]:
    changed: Request = instruct.function(request, **options)
    return [(message.role, message.content) for message in changed.messages]


ASKED = Request((Message("system", "Be brief."), Message("user", "2 + 2?")))


def test_an_instruction_stands_before_the_callers_system_message():
    said = told(ASKED, text="Add the numbers.")
    assert said == [("system", "Add the numbers.\n\nBe brief."), ("user", "2 + 2?")]


def test_an_instruction_becomes_the_system_message_where_there_is_none():
    asked = Request(ASKED.messages[1:])
    assert told(asked, text="Add the numbers.") == [("system", "Add the numbers."), ("user", "2 + 2?")]


def test_an_instruction_stands_before_or_after_the_question():
    assert told(ASKED, text="Add.", place="before")[1] == ("user", "Add.\n\n2 + 2?")
    assert told(ASKED, text="Add.", place="after")[1] == ("user", "2 + 2?\nAdd.")


def test_pictures_of_the_question_stay():
    picture = Image(b"png")
    asked = Request((Message("user", (picture, Text("What is it?"))),))
    assert told(asked, text="One word.", place="after")[0] == (
        "user",
        (picture, Text("What is it?"), Text("\nOne word.")),
    )


def test_a_question_that_was_asked_already_is_left_as_it_is():
    later = ASKED.follow_up(Message("assistant", "a tool, please"), Message("tool", "4", tool_call_id="1"))
    assert told(later, text="Add.", place="after") == [(m.role, m.content) for m in later.messages]


def test_the_recipe_holds_the_words():
    text = 'Say "yes" | no, [and]\nnothing else; 请简短。'
    model = load("mini") | instruct(text=text, place="after")
    assert load(model.name).name == model.name
