"""Recipes: what is written is what is read, over random nested stacks; and what a bad recipe is told."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jielong.answers import RULES
from jielong.contract import AnswerRule, Model, Request
from jielong.errors import BadInput, RecipeError, UnknownName
from jielong.recipe import (
    DEEPEST,
    RecipeNode,
    RecipeStep,
    RecipeValue,
    find_technique,
    load,
    parse,
    quote,
    write_value,
)
from jielong.registry import BUILT_IN, resolve
from jielong.technique import WrappedModel, adds_input

MANY = 5_000 if os.environ.get("JIELONG_FULL") == "1" else 300


@pytest.fixture(autouse=True, scope="module")
def replies(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The recipes here name the scripts r.jsonl and s.jsonl of the working directory."""
    before, folder = os.getcwd(), tmp_path_factory.mktemp("replies")
    for name in ("r", "s"):
        (folder / f"{name}.jsonl").write_text('{"reply": "Answer: 1"}\n')
    os.chdir(folder)
    yield
    os.chdir(before)


def model(text: str = "scripted:r.jsonl") -> Model:
    return load(text)


# --- random stacks ----------------------------------------------------------------------------------------------------

TEXTS = st.one_of(
    st.text(max_size=12),
    st.text("ab |,()[]\"'\\=:@\n\t 一步", max_size=12),
    st.sampled_from(
        ["true", "none", "false", "1", "1.0", "-", "=", "a=b", "|", "x | cot", "]", "你好，世界", "\u2028", " "]
    ),
)


def values(kind: Any, models: st.SearchStrategy[Model]) -> st.SearchStrategy[Any]:
    """Any value that an option of this annotation can be given in a recipe."""
    simple: dict[Any, st.SearchStrategy[Any]] = {
        Model: models,
        AnswerRule: st.sampled_from(sorted(RULES)).map(RULES.__getitem__),
        NoneType: st.none(),
        bool: st.booleans(),
        int: st.integers(0, 10**6),
        float: st.one_of(st.floats(0, allow_nan=False), st.integers(0, 1000)),
        str: TEXTS,
        Path: st.text("abc/. 中|\"'", min_size=1).map(Path),
    }
    if kind in simple:
        return simple[kind]
    if get_origin(kind) in (Union, UnionType):
        return st.one_of([values(k, models) for k in get_args(kind) if k in simple or not _only_python(k)])
    if get_origin(kind) in (tuple, Sequence):
        return st.lists(values(get_args(kind)[0], models), max_size=3).map(tuple)
    assert get_origin(kind) is Literal, f"a test does not know how to write a {kind}"
    return st.sampled_from(get_args(kind))


def _only_python(kind: Any) -> bool:
    return bool(getattr(kind, "_is_protocol", False))


def wrapped(models: st.SearchStrategy[Model]) -> st.SearchStrategy[Model]:
    """A model of `models` under one technique, with any options given."""

    @st.composite
    def one(draw: st.DrawFn) -> Model:
        name = draw(st.sampled_from(sorted(BUILT_IN["techniques"])))
        declared = find_technique(name)
        options = {}
        for option, parameter in declared.parameters.items():  # type: ignore[attr-defined]
            if parameter.default is inspect.Parameter.empty or draw(st.booleans()):
                options[option] = draw(values(declared.hints[option], models))
        if name == "budget" and not any(value is not None for value in options.values()):
            options = {"calls": 1}
        return draw(models) | declared(**options)

    return one()


STACKS = st.recursive(
    st.sampled_from(["scripted:r.jsonl", "scripted:s.jsonl"]).map(lambda text: load(text)), wrapped, max_leaves=6
)


def settings_of(model: Model) -> Any:
    """What a loaded model is made of, to compare: the inner models and the options that were given."""
    if isinstance(model, WrappedModel):
        options = {name: settings_of(value) for name, value in model.technique.options.items()}
        return settings_of(model.model), model.technique.__name__, options
    if isinstance(model, tuple):
        return tuple(map(settings_of, model))
    return model.name if isinstance(model, Model) else model


@settings(max_examples=MANY, deadline=None)
@given(STACKS)
def test_the_name_of_any_stack_loads_to_the_same_stack(model: Model) -> None:
    again = load(model.name)
    assert again.name == model.name
    assert settings_of(again) == settings_of(model)
    assert again.max_calls() == model.max_calls()


NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)


def nodes(inner: st.SearchStrategy[RecipeNode]) -> st.SearchStrategy[RecipeNode]:
    value = st.recursive(inner, lambda values: st.lists(values, max_size=3).map(tuple), max_leaves=3)
    options = st.dictionaries(NAMES, value, max_size=3).map(lambda given: tuple(given.items()))
    steps = st.lists(st.builds(RecipeStep, NAMES, options), max_size=3).map(tuple)
    return st.builds(lambda text, steps: RecipeNode(text, quote(text) != text, steps), TEXTS, steps)


def written(value: RecipeValue) -> str:
    """The grammar, read the other way."""
    if isinstance(value, tuple):
        return "[" + ",".join(map(written, value)) + "]"
    text = json.dumps(value.spec, ensure_ascii=False) if value.quoted else value.spec
    for step in value.steps:
        text += f"|{step.name}({','.join(f'{name}={written(option)}' for name, option in step.options)})"
    return text


NODES = st.recursive(st.builds(lambda text: RecipeNode(text, quote(text) != text), TEXTS), nodes, max_leaves=8)


@settings(max_examples=MANY, deadline=None)
@given(NODES)
def test_what_is_written_is_what_is_parsed(node: RecipeNode) -> None:
    assert parse(written(node)) == node


@settings(max_examples=MANY, deadline=None)
@given(st.text(max_size=30) | st.text("ab=|,()[]\"' \\", max_size=30))
def test_no_text_raises_anything_but_a_recipe_error(text: str) -> None:
    with suppress(RecipeError):
        parse(text)


@settings(max_examples=MANY, deadline=None)
@given(TEXTS)
def test_every_text_survives_as_an_option(text: str) -> None:
    stack = model() | find_technique("persona")(role=text) | find_technique("premise")(text=text)
    again = load(stack.name)
    assert settings_of(again) == settings_of(stack)


# --- reading and writing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("scripted:r.jsonl|cot", "scripted:r.jsonl | cot"),
        ("  scripted:r.jsonl  |  cot ( ) ", "scripted:r.jsonl | cot"),
        ("scripted:r.jsonl | cot(spell=none)", "scripted:r.jsonl | cot(spell=none)"),
        ('scripted:r.jsonl | cot(spell="none")', 'scripted:r.jsonl | cot(spell="none")'),
        ('scripted:r.jsonl | cot(spell="plain")', "scripted:r.jsonl | cot(spell=plain)"),
        ("scripted:r.jsonl | cot(spell=一步一步)", "scripted:r.jsonl | cot(spell=一步一步)"),
        (
            "scripted:r.jsonl | self_consistency(answer=choice, n=3)",
            "scripted:r.jsonl | self_consistency(n=3, answer=choice)",
        ),
        (
            "scripted:r.jsonl | best_of_n(scorer=scripted:s.jsonl | cot | options(stop=[a, b]), n=2)",
            "scripted:r.jsonl | best_of_n(n=2, scorer=scripted:s.jsonl | cot | options(stop=[a, b]))",
        ),
        ("scripted:r.jsonl | options(stop=one)", "scripted:r.jsonl | options(stop=[one])"),
        ("scripted:r.jsonl | options(stop=[])", "scripted:r.jsonl | options(stop=[])"),
        ("scripted:r.jsonl | options(temperature=0.70)", "scripted:r.jsonl | options(temperature=0.7)"),
        ("scripted:r.jsonl | options(temperature=1.0)", "scripted:r.jsonl | options(temperature=1)"),
        (
            "scripted:r.jsonl | few_shot(examples=[[q, a], [r, b]])",
            "scripted:r.jsonl | few_shot(examples=[[q, a], [r, b]])",
        ),
        ('"scripted:r.jsonl" | cot', "scripted:r.jsonl | cot"),
        ("scripted:r.jsonl | budget(calls=3, tokens=10)", "scripted:r.jsonl | budget(tokens=10, calls=3)"),
    ],
)
def test_a_recipe_has_one_canonical_form(text: str, name: str) -> None:
    assert load(text).name == name
    assert load(name).name == name


def test_a_name_with_a_space_is_quoted(tmp_path: Path) -> None:
    file = tmp_path / "my replies | odd.jsonl"
    file.write_text('{"reply": "x"}')
    name = load(f'"scripted:{file}" | cot').name
    assert name == f'"scripted:{file}" | cot'
    assert load(name).name == name


def test_a_bare_technique_means_its_defaults_and_options_can_be_given_in_turns() -> None:
    self_consistency = find_technique("self_consistency")
    assert (model() | self_consistency).name == "scripted:r.jsonl | self_consistency"
    assert str(self_consistency(confidence=0.5)(n=2)) == "self_consistency(n=2, confidence=0.5)"


def test_a_whole_number_given_for_a_number_keeps_its_name() -> None:
    stack = model() | find_technique("options")(temperature=1)
    assert load(stack.name).name == stack.name


def test_a_value_that_only_python_can_give_is_shown_and_refused_by_load() -> None:
    class Mine:
        calls = 1

        async def score(self, request: Request, replies: Any) -> Any: ...

    name = (model() | find_technique("best_of_n")(scorer=Mine())).name
    assert "Mine" in name
    with pytest.raises(UnknownName, match="unknown best_of_n"):
        load(name)


def test_every_registered_technique_is_where_the_table_says() -> None:
    for name, where in BUILT_IN["techniques"].items():
        declared = resolve(where)
        assert getattr(declared, "__name__", None) == name
        assert declared.__doc__
        assert set(declared.hints) == set(declared.parameters)


# --- bad recipes ------------------------------------------------------------------------------------------------------

BAD = [
    ("", "recipe, column 1: expected a model or a value, found the end"),
    ("   ", "recipe, column 1: expected a model or a value, found the end"),
    ("| cot", "recipe, column 1: expected a model or a value, found '|'"),
    ("mini |", "recipe, column 7: expected the name of a technique, found the end"),
    ("mini | | cot", "recipe, column 8: expected the name of a technique, found '|'"),
    ('mini | "cot"', "recipe, column 8: expected the name of a technique, found '\"cot\"'"),
    ("mini cot", "recipe, column 6: expected '|' or the end, found 'cot'"),
    ("mini | cot)", "recipe, column 11: expected '|' or the end, found ')'"),
    ("mini | cot(", "recipe, column 12: expected option=value, found the end"),
    ("mini | cot(spell)", "recipe, column 12: expected option=value, found 'spell'"),
    ("mini | cot(=x)", "recipe, column 12: expected option=value, found '=x'"),
    ("mini | cot(spell=)", "recipe, column 18: expected a model or a value, found ')'"),
    ("mini | cot(spell=a b)", "recipe, column 20: expected ',' or ')', found 'b'"),
    ("mini | cot(spell=a, spell=b)", "recipe, column 21: expected each option once, not spell again, found 'spell=b'"),
    ("mini | cot(spell='a')", "recipe, column 18: cannot read \"'a')\"; texts go in double quotes"),
    ('mini | cot(spell="a)', "recipe, column 18: cannot read '\"a)'; texts go in double quotes"),
    ('mini | cot(spell="\\q")', "recipe, column 18: expected a text with JSON escapes, found '\"\\\\q\"'"),
    ("mini | options(stop=[a)", "recipe, column 23: expected ',' or ']', found ')'"),
    ("mini | options(stop=[a", "recipe, column 23: expected ',' or ']', found the end"),
    ("minni", "unknown model 'minni'; did you mean 'mini'?"),
    ("opnai:gpt-5", "unknown model 'opnai:gpt-5'; did you mean 'openai:gpt-5'?"),
    ("scripted:r.jsonl | cott", "unknown technique 'cott'; did you mean 'cot'?"),
    (
        "scripted:r.jsonl | self_consistancy(n=3)",
        "unknown technique 'self_consistancy'; did you mean 'self_consistency'?",
    ),
    ("scripted:r.jsonl | cot(spel=x)", "unknown option of cot 'spel'; did you mean 'spell'?"),
    ("scripted:r.jsonl | cot(zzzzzz=x)", "unknown option of cot 'zzzzzz'; known: spell, wording"),
    ("scripted:r.jsonl | self_consistency(n=many)", "self_consistency(n=): expected a whole number, found 'many'"),
    (
        'scripted:r.jsonl | self_consistency(n="3")',
        'self_consistency(n=): expected a whole number, found a text, "3"',
    ),
    ("scripted:r.jsonl | self_consistency(n=3.5)", "self_consistency(n=): expected a whole number, found '3.5'"),
    ("scripted:r.jsonl | self_consistency(n=[1])", "self_consistency(n=): expected one value, found a list"),
    ("scripted:r.jsonl | self_consistency(n=none)", "self_consistency(n=): expected a whole number, found 'none'"),
    (
        "scripted:r.jsonl | self_consistency(adaptive=yes)",
        "self_consistency(adaptive=): expected true or false, found 'yes'",
    ),
    (
        "scripted:r.jsonl | self_consistency(adaptive=True)",
        "self_consistency(adaptive=): expected true or false, found 'True'",
    ),
    ("scripted:r.jsonl | self_consistency(answer=nummer)", "unknown answer rule 'nummer'; did you mean 'number'?"),
    ("scripted:r.jsonl | options(temperature=hot)", "options(temperature=): expected a number, found 'hot'"),
    ("scripted:r.jsonl | spell(kind=emotions)", "unknown spell(kind=) value 'emotions'; did you mean 'emotion'?"),
    (
        "scripted:r.jsonl | cot(spell=a | b)",
        "cot(spell=): expected a text, found a recipe; a text with '|' goes in double quotes",
    ),
    ("scripted:r.jsonl | best_of_n(scorer=minny)", "unknown best_of_n(scorer=) value 'minny'; did you mean 'mini'?"),
    ("scripted:r.jsonl | persona", "persona needs role="),
    (
        "scripted:r.jsonl | budget",
        "budget needs a limit, e.g. budget(tokens=10000); limits are tokens, usd, calls, seconds",
    ),
    ("scripted:", "scripted: needs a file of replies, as in scripted:replies.jsonl"),
    (
        "scripted:none.jsonl",
        "scripted:none.jsonl: cannot be read (No such file or directory); expected a file of JSON lines",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_bad_recipe_is_told_what_was_found_what_was_expected_and_where(text: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        load(text)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "text",
    [
        "scripted:r.jsonl" + " | cot" * (DEEPEST + 1),
        "scripted:r.jsonl" + " | cot" * 100_000,
        "x | a(b=" * 100_000,
        "scripted:r.jsonl | options(stop=" + "[" * 100_000,
    ],
)
def test_a_recipe_too_deep_to_be_meant_is_refused(text: str) -> None:
    """The model of a request to the server is a text from outside: it must not exhaust the stack."""
    with pytest.raises(RecipeError, match=f"at most {DEEPEST} steps one within another"):
        load(text)


def test_the_deepest_recipe_still_works() -> None:
    deep = load("scripted:r.jsonl" + " | cot" * DEEPEST)
    assert deep.max_calls() == 1
    assert deep.ask("How?") == "Answer: 1"
    assert load(deep.name).name == deep.name


def test_text_is_never_evaluated_or_imported() -> None:
    for text in ("os:system", "jielong.contract:Model", "__import__('os')", "builtins | eval(x=1)"):
        with pytest.raises(RecipeError):
            load(text)


def test_a_technique_given_a_positional_or_unknown_option_in_python_says_so() -> None:
    self_consistency = find_technique("self_consistency")
    with pytest.raises(BadInput, match=r"self_consistency takes its options by name, e\.g\. self_consistency\(n=8\)"):
        self_consistency(8)  # type: ignore[call-arg]
    with pytest.raises(UnknownName, match="unknown option of self_consistency 'samples'"):
        self_consistency(samples=8)


def test_show_and_quote_write_what_reads_back() -> None:
    assert write_value((1, 2.0, True, None, "a b", ("x",))) == '[1, 2, true, none, "a b", [x]]'
    assert quote("true") == '"true"'
    assert quote("a=b") == "a=b"


def test_declared_options_are_read_from_the_annotations() -> None:
    @adds_input
    def nothing(request: Request, *, number: int = 1, words: tuple[str, ...] = ()) -> Request:
        """Nothing."""
        return request

    assert nothing.hints == {"number": int, "words": tuple[str, ...]}
