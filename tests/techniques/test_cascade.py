"""The next model is asked only where the last was not sure, and what was rejected is paid for."""

from dataclasses import replace

import anyio
import pytest

from jielong.contract import Message, Model, Reply, Request, Sampling, Scores, TokenLogprob, ToolCall, ToolSpec
from jielong.errors import BadInput, EndpointGaveUp, SampleError, Unsupported
from jielong.models.scripted import Scripted
from jielong.recipe import load
from jielong.techniques.cooperate.cascade import cascade

ASKED = Request((Message("user", "What is 2 + 2?"),), Sampling(seed=3))


def says(*texts: str, name: str = "scripted:a", logprob: float = 0.0) -> Scripted:
    """Each call gets the next text; the last one stays."""
    left = list(texts)

    def reply(request: Request) -> Reply:
        text = left.pop(0) if len(left) > 1 else left[0]
        logprobs = None if request.sampling.logprobs is None else (TokenLogprob(text, logprob),)
        return Reply(Message("assistant", text), logprobs=logprobs)

    return Scripted(reply, name=name, identity=name)


def fails(name: str = "scripted:broken") -> Scripted:
    def reply(request: Request) -> str:
        raise EndpointGaveUp("broken for good")

    return Scripted(reply, name=name)


def ask(model: Model, request: Request = ASKED) -> Reply:
    return anyio.run(model.generate, request)


def test_samples_that_agree_are_enough():
    first, second = says("4"), says("5", name="scripted:b")
    reply = ask(first | cascade(models=[second], n=3, threshold=1.0))
    assert (reply.text, len(first.requests), len(second.requests)) == ("4", 3, 0)


def test_samples_that_cannot_agree_any_more_are_not_drawn():
    first, second = says("1", "2", "3"), says("4", name="scripted:b")
    reply = ask(first | cascade(models=[second], n=3, threshold=1.0))
    assert (reply.text, len(first.requests), len(second.requests)) == ("4", 2, 1)
    assert reply.usage.calls == 3, "the rejected attempts are not in the usage"


def test_the_caller_s_temperature_is_the_last_model_s():
    first, second = says("1", "2", "3"), says("4", name="scripted:b")
    ask(first | cascade(models=[second]))
    assert all(request.sampling.temperature == 0.7 for request in first.requests)
    assert second.requests[0].sampling.temperature is None


@pytest.mark.parametrize(("logprob", "answer"), [(-0.05, "4"), (-1.0, "5")])
def test_log_probabilities(logprob, answer):
    model = says("4", logprob=logprob) | cascade(models=[says("5", name="scripted:b")], accept="logprob", threshold=0.8)
    reply = ask(model)
    assert (reply.text, reply.logprobs) == (answer, None)


def test_a_model_without_log_probabilities_is_an_error_and_not_never_sure():
    def reply(request: Request) -> Reply:
        return Reply(Message("assistant", "4"), logprobs=())

    with pytest.raises(Unsupported, match="no log-probabilities"):
        ask(Scripted(reply) | cascade(models=[says("5", name="scripted:b")], accept="logprob"))


SURE, UNSURE = ("95 %", "95", "I am 90% sure", "9/10", "百分之九十"), ("10", "1", "I cannot tell", "900", "-5", "")


@pytest.mark.parametrize(("word", "answer"), [*((w, "4") for w in SURE), *((w, "5") for w in UNSURE)])
def test_its_own_word(word, answer):
    first = says("4", word)
    reply = ask(first | cascade(models=[says("5", name="scripted:b")], accept="own_word"))
    assert (reply.text, len(first.requests)) == (answer, 2)


@pytest.mark.parametrize(("grade", "answer"), [("9", "4"), ("2", "5")])
def test_a_judge_and_without_one_the_next_model(grade, answer):
    judge = says(grade, name="scripted:judge")
    assert ask(says("4") | cascade(models=[says("5", name="scripted:b")], accept="judge", judge=judge)).text == answer
    second = says(grade, "5", name="scripted:b")
    assert ask(says("4") | cascade(models=[second], accept="judge")).text == answer


def test_a_scorer_grades_on_its_own_scale():
    class Length:
        calls = 0

        async def score(self, request, replies):
            return Scores(tuple(float(len(reply.text)) for reply in replies))

    model = says("a long reply") | cascade(models=[says("5", name="b")], accept="judge", judge=Length(), threshold=10)
    assert ask(model).text == "a long reply"


def test_each_stage_has_a_threshold_of_its_own():
    stages = [says("1", logprob=-0.5), says("2", name="scripted:b", logprob=-0.5), says("3", name="scripted:c")]
    for thresholds, answer in (((0.9, 0.5), "2"), ((0.5, 0.9), "1"), ((0.9, 0.9), "3")):
        model = stages[0] | cascade(models=stages[1:], accept="logprob", threshold=thresholds)
        assert ask(model).text == answer
    with pytest.raises(BadInput, match="2 thresholds for 2 stages; expected 1"):
        ask(stages[0] | cascade(models=stages[1:2], threshold=(0.5, 0.5)))


def test_a_stage_that_fails_is_not_sure():
    model = fails() | cascade(models=[fails("scripted:b"), says("4", name="scripted:c")], accept="own_word")
    assert ask(model).text == "4"


def test_a_last_stage_that_fails_leaves_the_unsure_reply():
    assert ask(says("1", "2", "3") | cascade(models=[fails()])).text == "1"
    with pytest.raises(SampleError):
        ask(fails("scripted:b") | cascade(models=[fails()]))


def test_a_stage_that_is_named_twice_is_asked_once():
    first, second = says("1", "2", "3"), says("4", name="scripted:b")
    assert ask(first | cascade(models=[first, second])).text == "4"
    assert len(first.requests) == 2
    with pytest.raises(BadInput, match="models=0"):
        ask(first | cascade(models=[first]))


def test_the_recipe_is_read_as_it_is_written():
    text = (
        "mini | cascade(models=[mini | cot, mini | cot | self_consistency(n=8)], accept=logprob, threshold=[0.9, 0.95])"
    )
    model = load(text)
    assert model.name == text
    assert model.max_calls() == 10
    assert load("mini | cascade(models=[mini | cot], threshold=0.5)").name.endswith("threshold=0.5)")


def test_a_tool_call_of_a_stage_is_its_reply():
    calling = Reply(Message("assistant", "", (ToolCall("1", "weather", "{}"),)), "tool_calls")
    request = replace(ASKED, tools=(ToolSpec("weather"),))
    for accept in ("agreement", "logprob", "own_word"):
        model = Scripted(lambda request: calling) | cascade(models=[says("4", name="scripted:b")], accept=accept)
        assert ask(model, request).finish == "tool_calls"
