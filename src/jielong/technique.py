"""What a technique is: one flat function of one of two kinds, made into a step of recipes by its decorator.

`@adds_input` functions change the request; `@adds_output` functions call the model, once or often, and give a reply.
The decorator gives the technique its name in recipes, its help, its step in the trace, its usage and its maximum of
calls; `gather` is the only fan-out and `final_call` the only call that may be streamed.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any, Concatenate, Generic, ParamSpec, TypeAlias, cast, get_type_hints, overload

import anyio
from anyio.lowlevel import checkpoint

from . import call_context, recipe
from .call_context import sub_path
from .contract import AnswerRule, Model, Reply, Request, Scorer, TokenLogprob, require_answer
from .errors import BadInput, JielongError, NoAnswer, SampleError, Unsupported
from .events import Delta, Listener, TrackingListener, tracking_listener
from .faults import fault
from .registry import register, unknown_name
from .scope import note, scope
from .sync import unwrap_exception_group

P = ParamSpec("P")

DEFAULT_TEMPERATURE = 0.7
AT_ONCE = 8  # samples that begin before others have their turn


class BoundTechnique(Generic[P]):
    """A technique with some options given. Called, it gives the same technique with more of them."""

    def __init__(
        self, function: Callable[..., Any], adds_output: bool, calls: Callable[..., int], options: Mapping[str, Any]
    ) -> None:
        self.function, self.adds_output, self.calls, self.options = function, adds_output, calls, options
        self.__name__, self.__doc__ = function.__name__, function.__doc__
        leading = 2 if adds_output else 1  # (model, request) or (request)
        self.parameters = {p.name: p for p in list(inspect.signature(function).parameters.values())[leading:]}
        self.__signature__ = inspect.Signature(list(self.parameters.values()))
        self._check()

    def _check(self) -> None:
        positional = [p.name for p in self.parameters.values() if p.kind is not p.KEYWORD_ONLY]
        if positional:
            raise TypeError(f"technique {self.__name__}: options are keyword-only, and {', '.join(positional)} is not")
        for p in list(inspect.signature(self.calls).parameters.values())[1:]:
            if p.kind is not p.VAR_KEYWORD and p.name not in self.parameters:
                raise TypeError(f"technique {self.__name__}: calls= names {p.name}, which is not among its options")

    @cached_property
    def hints(self) -> Mapping[str, Any]:
        hints = get_type_hints(self.function)
        return {name: hints[name] for name in self.parameters}

    def __call__(self, *args: P.args, **options: P.kwargs) -> BoundTechnique[P]:
        if args:
            raise BadInput(f"{self.__name__} takes its options by name, e.g. {self.__name__}(n=8)")
        for name in options:
            if name not in self.parameters:
                raise unknown_name(f"option of {self.__name__}", name, self.parameters)
        frozen = {name: self._frozen(name, value) for name, value in options.items()}
        return BoundTechnique(self.function, self.adds_output, self.calls, {**self.options, **frozen})

    def _frozen(self, name: str, value: Any) -> Any:
        """A list as a tuple. Raises BadInput for a text where a model belongs: only recipes name models by texts."""
        value = tuple(value) if isinstance(value, list) else value
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and self.hints[name] in (Model, Model | None, Sequence[Model]):
                raise BadInput(f"{self.__name__}({name}=): expected a model, found {text!r}; load({text!r}) makes one")
        return value

    def wrap(self, model: Model, /) -> Model:
        missing = [n for n, p in self.parameters.items() if p.default is p.empty and n not in self.options]
        if missing:
            raise BadInput(f"{self.__name__} needs {', '.join(f'{name}=' for name in missing)}")
        return WrappedModel(model, self)

    def all_options(self) -> dict[str, Any]:
        return {name: self.options.get(name, p.default) for name, p in self.parameters.items()}

    def max_calls(self, model: Model) -> int:
        """The most provider calls: `calls`, each model standing for its own `max_calls()`."""

        def max_calls_of(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(max_calls_of, value))
            return value.max_calls() if isinstance(value, Model) else value

        options = {name: max_calls_of(value) for name, value in self.all_options().items()}
        return self.calls(model.max_calls(), **options)

    def __str__(self) -> str:
        return recipe.show_step(self.__name__, self.parameters, self.options)

    __repr__ = __str__


InputFunction: TypeAlias = Callable[Concatenate[Request, P], Request]
AsyncInputFunction: TypeAlias = Callable[Concatenate[Request, P], Awaitable[Request]]
OutputFunction: TypeAlias = Callable[Concatenate[Model, Request, P], Awaitable[Reply]]


def _same_as_model(model: int, **_: Any) -> int:
    return model


@overload
def adds_input(function: InputFunction[P], /) -> BoundTechnique[P]: ...
@overload
def adds_input(function: AsyncInputFunction[P], /) -> BoundTechnique[P]: ...
@overload
def adds_input(*, calls: Callable[..., int]) -> Callable[[AsyncInputFunction[P]], BoundTechnique[P]]: ...
def adds_input(function: Callable[..., Any] | None = None, /, *, calls: Callable[..., int] = _same_as_model) -> Any:
    """Makes a technique of a function `Request -> Request`, or an async one that calls models given as options.

    `calls(model, **options)` is the most provider calls of one reply, each model standing for its own maximum.
    """
    if function:
        return _registered(function, False, calls)
    return lambda function: _registered(function, False, calls)


def adds_output(*, calls: Callable[..., int]) -> Callable[[OutputFunction[P]], BoundTechnique[P]]:
    """Makes a technique of a function `(Model, Request) -> Reply`; `calls` as for `adds_input`."""
    return lambda function: _registered(function, True, calls)


def _registered(function: Callable[..., Any], adds_output: bool, calls: Callable[..., int]) -> BoundTechnique[Any]:
    technique: BoundTechnique[Any] = BoundTechnique(function, adds_output, calls, {})
    register("techniques", function.__name__, technique, f"{function.__module__}:{function.__qualname__}")
    return technique


class CallerToolCall(Exception):
    """The model asked for the caller's tools: that reply ends the technique."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


@dataclass(frozen=True)
class InnerModel(Model):
    """A model as techniques see it: silent, under the option's name in the path, its failures raised."""

    model: Model
    listener: Listener | None
    role: str
    calls: Iterator[int] = field(default_factory=count, compare=False)

    @property
    def name(self) -> str:
        return self.model.name

    def max_calls(self) -> int:
        return self.model.max_calls()

    @property
    def base(self) -> Model:
        return self.model.base

    async def sample(self, request: Request) -> Reply:
        """A call inside `gather`, which gives it its index."""
        if not self.role:
            return await self.model.generate(request)
        with sub_path(self.role), scope(self.role):
            return await self.model.generate(request)

    async def logprobs(self, request: Request, continuation: str) -> tuple[TokenLogprob, ...]:
        return await self.model.logprobs(request, continuation)

    async def call(self, request: Request) -> Reply:
        """A call outside `gather`: the second and later ones of a technique are samples of their own, too."""
        number = next(self.calls)
        with sub_path(f"+{number}") if number else nullcontext():
            return await self.sample(request)

    async def generate(self, request: Request) -> Reply:
        reply = await self.call(request)
        if reply.finish == "tool_calls":
            raise CallerToolCall(reply)
        return require_answer(reply)


def as_role(model: Model, role: str) -> Model:
    """The model under a name of its own, in the path and in the trace: who of several speaks."""
    return replace(model, role=role, calls=count()) if isinstance(model, InnerModel) else model


async def final_call(model: Model, request: Request, *, otherwise: Reply | None = None) -> Reply:
    """The call whose reply is the technique's own, which may be streamed: `return await final_call(model, request)`.

    `otherwise` is the reply in its place where it fails before anything of it was heard.
    """
    listener = model.listener if isinstance(model, InnerModel) else call_context.current().listener
    try:
        with call_context.replace(listener=listener):
            return await (model.call(request) if isinstance(model, InnerModel) else model.generate(request))
    except SampleError as error:
        if otherwise is None or (isinstance(listener, TrackingListener) and listener.emitted):
            raise
        note(f"{model.name} failed ({type(error).__name__}), so an earlier reply was kept")
        return otherwise


@dataclass(frozen=True, slots=True)
class FailedSample:
    """A sample that is not an answer, and why."""

    error: SampleError


async def gather(
    model: Model | None, requests: Sequence[Request | tuple[Model, Request]], *, first: int = 0
) -> tuple[Reply | FailedSample, ...]:
    """Send all at once; the replies come in the order of the requests, whatever the order of arrival.

    `first` is the index of the first sample within its technique, so that no two samples share an identity. A pair
    (model, request) goes to that model. Failed, refused and truncated samples come as `FailedSample`; a reply that
    asks for the caller's tools comes as it is, for `ballot`. Any other error of the tree cancels the rest and is
    raised; an exception that nobody expected is a failed sample, too.
    """
    if model is None and not all(isinstance(request, tuple) for request in requests):
        raise TypeError("gather: a request without a model needs the model argument")
    pairs = [each if isinstance(each, tuple) else (cast(Model, model), each) for each in requests]
    for i, pair in enumerate(pairs):
        if pair[1].sampling.temperature == 0 and pair in pairs[:i]:
            raise BadInput("several samples of one request need a temperature above 0, or they are copies of one")
    samples: dict[int, Reply | FailedSample] = {}

    async def sample(i: int) -> None:
        each, request = pairs[i]
        with sub_path(first + i):
            try:
                reply = await (each.sample(request) if isinstance(each, InnerModel) else each.generate(request))
                samples[i] = reply if reply.finish == "tool_calls" else require_answer(reply)
            except SampleError as error:
                samples[i] = FailedSample(error)
            except (JielongError, CallerToolCall):
                raise
            except Exception as error:
                samples[i] = FailedSample(fault(error))

    with unwrap_exception_group():
        async with anyio.create_task_group() as tasks:
            for i in range(len(pairs)):
                if i and i % AT_ONCE == 0:
                    await checkpoint()
                tasks.start_soon(sample, i)
    return tuple(samples[i] for i in range(len(pairs)))


def with_sampling_temperature(request: Request, n: int) -> Request:
    """The request for `n` samples: an unset temperature becomes 0.7, and the report says so.

    Raises BadInput when it was set to 0, as all samples would be copies of one.
    """
    if n < 1:
        raise BadInput(f"n={n}: expected at least 1 sample")
    if n == 1 or request.sampling.temperature:
        return request
    if request.sampling.temperature == 0:
        raise BadInput(f"{n} samples at temperature 0 are copies of one; set a temperature above 0, or ask for one")
    note(f"temperature was not set: samples were drawn at {DEFAULT_TEMPERATURE}")
    return request.with_sampling(temperature=DEFAULT_TEMPERATURE)


def ballot(sample: Reply | FailedSample, rule: AnswerRule) -> str | None:
    """What a sample votes for: its answer, or its tool calls (name, canonical arguments); None if it has no vote."""
    if isinstance(sample, FailedSample):
        return None
    if sample.finish != "tool_calls":
        return rule(sample.text)
    return json.dumps([[call.name, call.parsed_arguments] for call in sample.message.tool_calls], sort_keys=True)


def no_answer(samples: Sequence[Reply | FailedSample]) -> NoAnswer:
    """The error of a vote that nobody won, with the reasons counted."""
    errors = [sample.error for sample in samples if isinstance(sample, FailedSample)]
    reasons = Counter(
        type(sample.error).__name__ if isinstance(sample, FailedSample) else "no answer found in the text"
        for sample in samples
    )
    counted = ", ".join(f"{times} × {reason}" for reason, times in reasons.items())
    words = f"; the first said: {errors[0]}" if errors else ""
    lost = len(errors) == len(samples) and all(error.lost for error in errors)
    return NoAnswer(f"none of {len(samples)} samples gave an answer ({counted}){words}", lost)


class WrappedModel(Model):
    """A model under one technique. Only this class knows about scopes and listeners; techniques do not."""

    def __init__(self, model: Model, technique: BoundTechnique[Any]) -> None:
        self.model, self.technique = model, technique

    @property
    def name(self) -> str:
        return f"{self.model.name} | {self.technique}"

    @property
    def base(self) -> Model:
        return self.model.base

    def max_calls(self) -> int:
        return self.technique.max_calls(self.model)

    async def generate(self, request: Request) -> Reply:
        tracking = tracking_listener()
        with scope(str(self.technique), self.max_calls(), "technique") as spent:
            try:
                reply = await (self._output if self.technique.adds_output else self._input)(request, tracking)
            except CallerToolCall as ended:
                reply = ended.reply
            if tracking and not tracking.emitted_text:
                await tracking(Delta(reply.text))
        return replace(reply, usage=spent.usage, steps=tuple(spent.steps))

    async def logprobs(self, request: Request, continuation: str) -> tuple[TokenLogprob, ...]:
        """Of `continuation` as the reply to the changed request. Raises Unsupported for what adds output."""
        if self.technique.adds_output:
            name = self.technique.__name__
            raise Unsupported(f"{name} makes its reply of several calls, so a given text has no probability")
        with scope(str(self.technique), self.max_calls(), "technique"):
            return await self.model.logprobs(await self._changed(request), continuation)

    async def _changed(self, request: Request) -> Request:
        with call_context.replace(listener=None):
            changed = self.technique.function(request, **self._inner_options(None))
            return cast(Request, await changed if inspect.isawaitable(changed) else changed)

    async def _input(self, request: Request, listener: TrackingListener | None) -> Reply:
        changed = await self._changed(request)
        with call_context.replace(listener=listener):
            return await self.model.generate(changed)

    async def _output(self, request: Request, listener: TrackingListener | None) -> Reply:
        inner = InnerModel(self.model, listener, "")
        # Beneath the first index the name tells apart whose the next one is: without it a verdict on a verdict, in a
        # technique inside itself, could bear the name of another sample.
        path = call_context.current().path
        with call_context.replace(listener=None, path=(*path, self.technique.__name__) if path else path):
            reply: Reply = await self.technique.function(inner, request, **self._inner_options(listener))
        return reply

    def _inner_options(self, listener: TrackingListener | None) -> dict[str, Any]:
        def inner(value: Any, role: str) -> Any:
            if isinstance(value, tuple):
                return tuple(inner(item, f"{role}.{i}") for i, item in enumerate(value))
            asked = isinstance(value, Model) and not isinstance(value, Scorer)  # a reward model is not asked in words
            return InnerModel(value, listener, role) if asked else value

        return {name: inner(value, name) for name, value in self.technique.options.items()}
