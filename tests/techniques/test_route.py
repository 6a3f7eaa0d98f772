"""One of several models answers, chosen by the question; the file that chooses is checked, and so is who answers."""

import json
from pathlib import Path

import anyio
import numpy as np
import pytest

from endpoint import Answer, Endpoint
from jielong.contract import Message, Request, Sampling
from jielong.errors import BadInput, EndpointUnfit
from jielong.models.scripted import Scripted
from jielong.recipe import load
from jielong.techniques.cooperate.route import route
from jielong.techniques.cooperate.route_file import Router, read_route_file, surface

SHORT, LONG = "2 + 2", "Tom has a very long story to tell about the apples that he bought. " * 5


def ask(model, text=SHORT):
    return anyio.run(model.generate, Request((Message("user", text),), Sampling(seed=1)))


def document(*names: str, **changes) -> dict:
    """A route that sends short texts to the first model and long ones to the second."""
    models = [
        {"name": name, "accuracy": 0.5, "cost": cost, "weights": [0.5 * (i or -1), *[0] * 9, 0], "calibration": [1, 0]}
        for i, (name, cost) in enumerate(zip(names, (1, 10, 100), strict=False))
    ]
    about = {
        "format": "jielong-route-1",
        "task": "t",
        "items": 20,
        "unit": "tokens",
        "cost_weight": 0,
        "models": models,
    }
    return {**about, "surface_mean": [4, *[0] * 7], "surface_scale": [1] * 8, **changes}


def written(tmp_path: Path, content: object) -> Path:
    file = tmp_path / "route.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


@pytest.fixture
def models():
    return Scripted("cheap", name="scripted:a"), Scripted("strong", name="scripted:b")


def test_the_question_chooses(tmp_path, models):
    a, b = models
    model = a | route(models=[b], file=written(tmp_path, document("scripted:a", "scripted:b")))
    assert (ask(model).text, ask(model, LONG).text) == ("cheap", "strong")
    assert ask(model, LONG).usage.calls == 1


def test_cost_weight_takes_the_place_of_the_file_s(tmp_path, models):
    a, b = models
    file = written(tmp_path, document("scripted:a", "scripted:b"))
    assert ask(a | route(models=[b], file=file, cost_weight=1.0), LONG).text == "cheap"


@pytest.mark.parametrize("order", [("scripted:a", "scripted:b"), ("scripted:b", "scripted:a")])
def test_models_are_known_by_their_names_and_not_by_their_order(tmp_path, models, order):
    a, b = models
    file = written(tmp_path, document(*order))
    answers = {"scripted:a": "cheap", "scripted:b": "strong"}
    for model in (a | route(models=[b], file=file), b | route(models=[a, b], file=file)):
        assert (ask(model).text, ask(model, LONG).text) == (answers[order[0]], answers[order[1]])


def test_models_that_are_not_those_of_the_file_are_refused(tmp_path, models):
    a, b = models
    with pytest.raises(BadInput, match="fitted for scripted:gone, too"):
        ask(a | route(models=[b], file=written(tmp_path, document("scripted:a", "scripted:b", "scripted:gone"))))
    other = written(tmp_path / "..", document("scripted:a", "scripted:c"))
    with pytest.raises(BadInput, match="not fitted for scripted:b"):
        ask(a | route(models=[b], file=other))


BROKEN = {
    "no such file": None,
    "no JSON": "{",
    "a list": [],
    "empty": "",
    "another format": document("a", "b", format="pickle"),
    "one model": document("a"),
    "two of one name": document("a", "a"),
    "not a number": json.dumps(document("a", "b")).replace('"cost_weight": 0', '"cost_weight": NaN'),
    "infinite": json.dumps(document("a", "b")).replace('"cost": 10', '"cost": 1e999'),
    "a negative price": document("a", "b", cost_weight=-1),
    "unknown setting": document("a", "b", load="os.system"),
    "too few numbers": document("a", "b", surface_mean=[1]),
    "a scale of 0": document("a", "b", surface_scale=[0] * 8),
    "axes without an embedder": document("a", "b", axes=[[1, 2]], center=[1, 2]),
    "an axis of another length": document("a", "b", axes=[[1]], center=[1, 2], embedder="wordllama"),
    "neighbours without scores": document("a", "b", neighbours={"count": 1, "share": 1, "vectors": [[]], "scores": []}),
    "nested": "[" * 5000,
    "too many weights": json.dumps(document("a", "b")).replace('"weights": [', '"weights": [1, 2, 3, 4,'),
    "numbers that overflow": json.dumps(document("a", "b")).replace('"weights": [', '"weights": [1e308,'),
    "text for a number": json.dumps(document("a", "b")).replace('"cost": 10', '"cost": "ten"'),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_no_route_is_one_line(tmp_path, case, models):
    file = tmp_path / "none.json" if BROKEN[case] is None else written(tmp_path, BROKEN[case])
    with pytest.raises(BadInput) as caught:
        ask(models[0] | route(models=[models[1]], file=file))
    assert "\n" not in str(caught.value)
    assert file.name in str(caught.value)


@pytest.mark.parametrize("weights", [[1e6] * 11, [-1e6] * 11, [0.0] * 11])
def test_the_chances_are_numbers_whatever_the_weights(tmp_path, weights):
    content = document("a", "b")
    content["models"][1]["weights"] = weights
    router = Router(read_route_file(written(tmp_path, content)))
    for text in (SHORT, LONG, "", "？", "1" * 200_000):
        chances = router.probabilities(np.array([surface(text)]))
        assert np.isfinite(chances).all()
        assert ((chances >= 0) & (chances <= 1)).all()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("answers_as", ["newer", "a-1106"])
def test_a_model_that_answers_under_another_name_is_refused(tmp_path, answers_as, stream):
    with Endpoint(lambda body, n: Answer("4", model=answers_as)) as endpoint:
        names = [f"vllm:{name}@{endpoint.url}" for name in ("a-0613", "b")]
        content = document(*names)
        content["models"][0]["answered_as"] = ["a-0613"]
        model = load(names[0]) | route(models=[load(names[1])], file=written(tmp_path, content))

        async def run():
            request = Request((Message("user", SHORT),), Sampling(seed=1))
            if not stream:
                return await model.generate(request)
            async with model.stream(request) as events:
                return [event async for event in events]

        with pytest.raises(EndpointUnfit, match=f"now answers as {answers_as}"):
            anyio.run(run)


@pytest.mark.parametrize("answers_as", ["a-0613", "org/A-0613", None])
def test_a_model_that_answers_as_it_did_is_taken(tmp_path, answers_as):
    with Endpoint(lambda body, n: Answer("4", model=answers_as)) as endpoint:
        names = [f"vllm:{name}@{endpoint.url}" for name in ("a-0613", "b")]
        content = document(*names)
        content["models"][0]["answered_as"] = ["a-0613"]
        assert ask(load(names[0]) | route(models=[load(names[1])], file=written(tmp_path, content))).text == "4"


def test_the_recipe_is_read_as_it_is_written(tmp_path):
    text = "mini | route(models=[mini | cot], file=route.json, cost_weight=0.001)"
    assert load(text).name == text
