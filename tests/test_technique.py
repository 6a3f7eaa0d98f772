"""What the decorators and `gather` promise to those who write a technique."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from jielong.answers import final_answer
from jielong.call_context import current, sub_path
from jielong.contract import Message, Model, Reply, Request, Sampling, Scores, Step, ToolCall, ToolSpec
from jielong.errors import (
    BadInput,
    BoundExceeded,
    BudgetExceeded,
    EndpointGaveUp,
    MissingKey,
    NoAnswer,
    Refused,
    SampleError,
    Truncated,
    UnknownName,
)
from jielong.events import Delta
from jielong.models.scripted import Scripted
from jielong.runtime.budget import budget
from jielong.scope import Scope, scope
from jielong.technique import (
    FailedSample,
    adds_input,
    adds_output,
    ballot,
    final_call,
    gather,
    no_answer,
    with_sampling_temperature,
)

pytestmark = pytest.mark.anyio

ASKED = Request((Message("user", "how many?"),), Sampling(seed=1))
WARM = ASKED.with_sampling(temperature=0.5)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# --- declaring --------------------------------------------------------------------------------------------------------


def test_a_technique_says_its_name_its_options_and_its_help() -> None:
    @adds_input
    def polite(request: Request, *, words: str = "please", often: int = 1) -> Request:
        """Say please."""
        return request

    assert (polite.__name__, polite.__doc__) == ("polite", "Say please.")
    assert polite.hints == {"words": str, "often": int}
    assert str(polite(often=2, words="if you please")) == 'polite(words="if you please", often=2)'
    assert (Scripted("x") | polite(often=2)).name == "scripted:test | polite(often=2)"


def test_mistakes_in_a_declaration_are_told_when_it_is_declared() -> None:
    with pytest.raises(TypeError, match="technique loose: options are keyword-only, and words is not"):

        @adds_input
        def loose(request: Request, words: str = "x") -> Request:
            return request

    with pytest.raises(TypeError, match="technique wrong: calls= names m, which is not among its options"):

        @adds_output(calls=lambda model, m, **_: m * model)
        async def wrong(model: Model, request: Request, *, n: int = 1) -> Reply:
            return await final_call(model, request)


def test_mistakes_in_a_use_are_told_when_it_is_used() -> None:
    @adds_input
    def needy(request: Request, *, words: str, times: int = 1) -> Request:
        return request

    with pytest.raises(BadInput, match=r"needy needs words="):
        Scripted("x") | needy
    with pytest.raises(UnknownName, match="unknown option of needy 'word'; did you mean 'words'"):
        needy(word="x")  # type: ignore[call-arg]


def test_the_bound_counts_each_model_by_its_own_bound() -> None:
    @adds_output(calls=lambda model, judge, panel, n, **_: n * model + judge + sum(panel))
    async def tribunal(model: Model, request: Request, *, n: int, judge: Model, panel: tuple[Model, ...] = ()) -> Reply:
        return await final_call(model, request)

    plain = Scripted("x")
    inner = plain | tribunal(n=3, judge=plain)
    assert inner.max_calls() == 4
    assert (inner | tribunal(n=2, judge=inner, panel=(plain, inner))).max_calls() == 2 * 4 + 4 + 1 + 4


# --- one call ---------------------------------------------------------------------------------------------------------


async def test_adds_input_may_be_async_and_ask_models_whose_calls_are_in_the_usage() -> None:
    @adds_input(calls=lambda model, helper, **_: model + helper)
    async def rephrased(request: Request, *, helper: Model) -> Request:
        better = await helper.generate(request.side_request(Message("user", "say it better")))
        return Request((Message("user", better.text),), request.sampling)

    helper, model = Scripted("how many are there?"), Scripted("four")
    stack = model | rephrased(helper=helper)
    reply = await stack.generate(ASKED)
    assert reply.text == "four"
    assert model.requests[0].messages[0].text == "how many are there?"
    assert (reply.usage.calls, stack.max_calls()) == (2, 2)
    assert reply.usage.output_tokens == 4 + 1


async def test_the_trace_is_a_tree_of_what_was_called_with_the_keys_of_the_ledger() -> None:
    @adds_output(calls=lambda model, **_: 2 * model)
    async def twice(model: Model, request: Request) -> Reply:
        draft = await model.generate(request)
        return await final_call(model, request.follow_up(draft.message, Message("user", "again")))

    reply = await (Scripted("x") | twice | twice).generate(ASKED)
    assert [step.name for step in reply.steps] == ["twice", "twice"]
    assert [step.name for step in reply.steps[0].steps] == ["scripted:test"] * 2
    assert all(leaf.call for step in reply.steps for leaf in step.steps)
    assert sum((step.usage.calls for step in reply.steps), 0) == reply.usage.calls == 4


async def test_a_technique_that_breaks_its_bound_is_stopped_before_the_call() -> None:
    @adds_output(calls=lambda model, **_: model)
    async def greedy(model: Model, request: Request) -> Reply:
        await model.generate(request)
        return await final_call(model, request)

    model = Scripted("x")
    words = "greedy made call 2 and had announced at most 1; its calls= is wrong"
    with pytest.raises(BoundExceeded, match=words):
        await (model | greedy).generate(ASKED)
    assert len(model.requests) == 1


async def test_models_in_options_are_people_of_their_own_even_if_they_are_one_model() -> None:
    paths: list[Any] = []

    class Watched(Scripted):
        async def send(self, request: Request, attempt: str) -> Reply:
            paths.append((current().path, request.sampling.seed))
            return await super().send(request, attempt)

    @adds_output(calls=lambda model, one, other, panel, **_: model + one + other + sum(panel) + one)
    async def panel_of_models(
        model: Model, request: Request, *, one: Model, other: Model, panel: tuple[Model, ...] = ()
    ) -> Reply:
        await gather(None, [(one, request), (other, request)])
        for member in panel:
            await member.generate(request)
        await one.generate(request)
        return await final_call(model, request)

    model = Watched("x")
    await (model | panel_of_models(one=model, other=model, panel=(model, model))).generate(WARM)
    assert [p for p, _ in paths] == [(0, "one"), (1, "other"), ("panel.0",), ("panel.1",), ("one",), ()]
    assert len({seed for _, seed in paths}) == 6


async def test_each_call_outside_gather_is_a_sample_of_its_own() -> None:
    seen: list[Any] = []

    class Watched(Scripted):
        async def send(self, request: Request, attempt: str) -> Reply:
            seen.append(current().path)
            return await super().send(request, attempt)

    @adds_output(calls=lambda model, **_: 3 * model)
    async def thrice(model: Model, request: Request) -> Reply:
        await model.generate(request)
        await model.generate(request)
        return await final_call(model, request)

    await (Watched("x") | thrice).generate(WARM)
    assert seen == [(), ("+1",), ("+2",)]
    seen.clear()
    with sub_path("item"):
        await (Watched("x") | thrice).generate(WARM)
    assert seen == [("item", "thrice"), ("item", "thrice", "+1"), ("item", "thrice", "+2")]


async def test_a_tool_call_on_the_callers_turn_ends_the_technique_at_once() -> None:
    @adds_output(calls=lambda model, **_: 2 * model)
    async def twice(model: Model, request: Request) -> Reply:
        draft = await model.generate(request)
        raise AssertionError(f"went on after {draft}")

    call = Message("assistant", "", (ToolCall("1", "weather", '{"city": "Rome"}'),))
    model = Scripted(lambda _: Reply(call, "tool_calls"))
    reply = await (model | twice).generate(Request(ASKED.messages, tools=(ToolSpec("weather"),)))
    assert (reply.message, reply.finish, reply.usage.calls) == (call, "tool_calls", 1)


@pytest.mark.parametrize("finish", ["length", "refused"])
async def test_a_technique_never_sees_a_reply_that_is_no_answer(finish: Any) -> None:
    @adds_output(calls=lambda model, **_: model)
    async def naive(model: Model, request: Request) -> Reply:
        reply = await model.generate(request)
        raise AssertionError(f"took {reply.finish} for an answer")

    model = Scripted(lambda _: Reply(Message("assistant", "half an"), finish))
    with pytest.raises(Truncated if finish == "length" else Refused):
        await (model | naive).generate(ASKED)


# --- gather -----------------------------------------------------------------------------------------------------------


async def test_replies_come_in_the_order_of_the_requests_whatever_the_order_of_arrival() -> None:
    model = Scripted(lambda r: r.messages[0].text, seconds=lambda r: 0.02 - 0.004 * int(r.messages[0].text))
    replies = await gather(model, [Request((Message("user", str(i)),)) for i in range(5)])
    assert [reply.text for reply in replies if isinstance(reply, Reply)] == list("01234")


async def test_a_lost_sample_costs_only_itself() -> None:
    def reply(request: Request) -> str | Reply:
        text = request.messages[0].text
        if text == "1":
            raise EndpointGaveUp("dead")
        return Reply(Message("assistant", text), "refused" if text == "2" else "length" if text == "3" else "stop")

    samples = await gather(Scripted(reply), [Request((Message("user", str(i)),)) for i in range(5)])
    errors = [type(sample.error) if isinstance(sample, FailedSample) else None for sample in samples]
    assert errors == [None, EndpointGaveUp, Refused, Truncated, None]


@pytest.mark.parametrize("error", [MissingKey("no key"), BadInput("no such model")])
async def test_any_other_error_of_the_tree_stops_all_and_comes_out_as_itself(error: Exception) -> None:
    def reply(request: Request) -> str:
        if request.messages[0].text == "2":
            raise error
        return "x"

    model = Scripted(reply, seconds=lambda r: 0.0 if r.messages[0].text == "2" else 3600.0)
    with pytest.raises(type(error), match=str(error)):
        await gather(model, [Request((Message("user", str(i)),)) for i in range(5)])
    assert model.running == 0


async def test_a_spent_budget_in_one_sample_stops_all_with_what_came_back() -> None:
    model = Scripted("x", seconds=lambda r: 0.0 if r.messages[0].text == "0" else 3600.0)
    with budget(calls=2):
        await model.generate(Request((Message("user", "0"),)))
        with pytest.raises(BudgetExceeded) as raised:
            await gather(model, [Request((Message("user", str(i)),)) for i in range(1, 4)])
    assert len(raised.value.replies) == 1
    assert model.running == 0


async def test_copies_at_temperature_0_are_refused_and_different_questions_are_not() -> None:
    cold = ASKED.with_sampling(temperature=0.0)
    with pytest.raises(BadInput, match="several samples of one request need a temperature above 0, or they are copies"):
        await gather(Scripted("x"), [cold, cold])
    other = Request((Message("user", "other"),), cold.sampling)
    assert len(await gather(Scripted("x"), [cold, other])) == 2


async def test_gather_without_requests_gives_nothing_and_without_a_model_says_so() -> None:
    assert await gather(None, []) == ()
    with pytest.raises(TypeError, match="a request without a model needs the model argument"):
        await gather(None, [ASKED])


# --- sampling ---------------------------------------------------------------------------------------------------------


def test_several_samples_get_a_temperature_and_the_report_says_so() -> None:
    with scope("x") as here:
        assert with_sampling_temperature(ASKED, 3).sampling.temperature == 0.7
        assert with_sampling_temperature(WARM, 3) is WARM
        assert with_sampling_temperature(ASKED, 1) is ASKED
    assert list(here.notes) == ["temperature was not set: samples were drawn at 0.7"]
    with pytest.raises(BadInput, match="3 samples at temperature 0 are copies of one; set a temperature above 0"):
        with_sampling_temperature(ASKED.with_sampling(temperature=0.0), 3)
    with pytest.raises(BadInput, match="n=0: expected at least 1 sample"):
        with_sampling_temperature(ASKED, 0)


def test_a_ballot_is_an_answer_or_a_tool_call_in_canonical_form() -> None:
    def calling(arguments: str) -> Reply:
        return Reply(Message("assistant", "", (ToolCall("any id", "weather", arguments),)), "tool_calls")

    assert ballot(Reply(Message("assistant", "Answer: 1,000.0")), final_answer) == "1000"
    assert ballot(FailedSample(Refused("no")), final_answer) is None
    one, same, other = ('{"a": 1, "b": 2}', '{ "b":2,"a":1 }', '{"a": 2, "b": 2}')
    assert ballot(calling(one), final_answer) == ballot(calling(same), final_answer)
    assert ballot(calling(one), final_answer) != ballot(calling(other), final_answer)
    assert ballot(calling("not json"), final_answer) is not None


def test_a_lost_vote_says_what_became_of_its_samples() -> None:
    samples: Sequence[Reply | FailedSample] = [
        FailedSample(EndpointGaveUp("dead line")), Reply(Message("assistant", "hm")),
        FailedSample(EndpointGaveUp("again")),
    ]  # fmt: skip
    assert str(no_answer(samples)) == (
        "none of 3 samples gave an answer (2 × EndpointGaveUp, 1 × no answer found in the text); "
        "the first said: dead line"
    )


# --- listening --------------------------------------------------------------------------------------------------------


async def heard(model: Model, request: Request = ASKED) -> tuple[str, Reply]:
    async with model.stream(request) as events:
        told = [event async for event in events]
    assert isinstance(told[-1], Reply)
    return "".join(e.text for e in told if isinstance(e, Delta) and not e.thinking), told[-1]


async def test_only_the_last_call_is_heard_however_deep() -> None:
    @adds_output(calls=lambda model, **_: 2 * model)
    async def twice(model: Model, request: Request) -> Reply:
        await model.generate(request)
        return await final_call(model, request.follow_up(Message("user", "again")))

    words = iter("abcdefgh")
    text, reply = await heard(Scripted(lambda _: f"{next(words)} {next(words)}") | twice | twice)
    assert text == reply.text == "g h"


async def test_a_technique_without_a_last_call_is_heard_once_at_its_end() -> None:
    @adds_output(calls=lambda model, **_: 2 * model)
    async def silent(model: Model, request: Request) -> Reply:
        first, _ = await gather(model, [request.with_sampling(temperature=1.0)] * 2)
        assert isinstance(first, Reply)
        return first

    text, reply = await heard(Scripted("one two") | silent)
    assert text == reply.text == "one two"


async def test_a_helper_model_is_not_heard() -> None:
    @adds_input(calls=lambda model, helper, **_: model + helper)
    async def helped(request: Request, *, helper: Model) -> Request:
        await helper.generate(request)
        return request

    text, _ = await heard(Scripted("the answer") | helped(helper=Scripted("the helper")))
    assert text == "the answer"


# --- scopes -----------------------------------------------------------------------------------------------------------


async def test_what_failed_and_what_was_cut_off_is_in_the_usage() -> None:
    model = Scripted(lambda _: (_ for _ in ()).throw(Refused("no")))
    slow = Scripted("x", seconds=3600)

    async def lose(here: Scope) -> None:
        with pytest.raises(SampleError):
            await model.generate(ASKED)
        with anyio.move_on_after(0.01):
            await slow.generate(ASKED)

    with scope("whole") as here:
        await lose(here)
    assert (here.usage.calls, here.usage.unsettled_calls) == (2, 1)
    assert [type(step) for step in here.steps] == [Step, Step]


async def test_a_scorer_given_in_python_is_asked_once_with_all_replies() -> None:
    class Longest:
        calls = 0

        async def score(self, request: Request, replies: Sequence[Reply]) -> Scores:
            return Scores(tuple(float(len(reply.text)) for reply in replies))

    from jielong.techniques.best_of_n import best_of_n

    texts = iter(["a", "ccc", "bb", "a"])
    model = Scripted(lambda _: next(texts)) | best_of_n(n=4, scorer=Longest())
    assert model.max_calls() == 4
    assert (await model.generate(WARM)).text == "ccc"


async def test_no_answer_is_an_error_that_costs_one_sample_of_the_technique_around_it() -> None:
    @adds_output(calls=lambda model, **_: model)
    async def lost(model: Model, request: Request) -> Reply:
        raise NoAnswer("nothing")

    samples = await gather(Scripted("x") | lost, [WARM] * 2)
    assert all(isinstance(sample, FailedSample) for sample in samples)
