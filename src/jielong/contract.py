"""The contract: what a model is asked, what it replies, and what a model is. Everything else stands on this page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn, Protocol, Self, TypeAlias, runtime_checkable

from . import events
from .bounded_json import read_json
from .call_context import current
from .errors import NoAnswer, Refused, Truncated, Unsupported
from .lifetime import Lifetime
from .sync import run_sync

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
Finish: TypeAlias = Literal["stop", "length", "tool_calls", "refused"]


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Image:
    data: bytes
    mime: str = "image/png"


@dataclass(frozen=True, slots=True)
class Thinking:
    """A reasoning model's thoughts: kept in the history, never shown as the answer.

    `signature` is the endpoint's own record of them as JSON, `form` the field or mark that held them: both serve to
    send them back unchanged with the next turn.
    """

    text: str
    signature: str | None = None
    form: str | None = field(default=None, compare=False)


Part: TypeAlias = Text | Image | Thinking


@dataclass(frozen=True, slots=True)
class ToolCall:
    id: str
    name: str
    arguments: str = "{}"  # JSON as the model wrote it, never re-encoded
    signature: str | None = None  # fields that the endpoint wants back with the call, as a JSON object

    @property
    def parsed_arguments(self) -> Any:
        """The arguments as JSON values; their text, where it is no JSON."""
        try:
            return read_json(self.arguments)
        except ValueError:
            return self.arguments


@dataclass(frozen=True, slots=True)
class ToolSpec:
    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)  # a JSON schema


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str | tuple[Part, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None  # which of several users or tools speaks

    @property
    def text(self) -> str:
        """The texts of the message, without thoughts and images."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, Text))


class FrozenDict(dict[str, Any]):
    """A dict that cannot be changed, so that a frozen dataclass can hold it."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this mapping cannot be changed; make a new one")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[FrozenDict], tuple[dict[str, Any]]]:
        return FrozenDict, (dict(self),)


@dataclass(frozen=True, slots=True)
class Sampling:
    """None means that nothing is sent and the model's own default holds."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    logprobs: int | None = None  # how many alternatives to report for each token; 0: the chosen token alone
    reasoning_effort: str | None = None  # "low", "medium", "high", or what else the endpoint knows
    extra: Mapping[str, Json] = field(default_factory=FrozenDict, hash=False)  # the endpoint's own, sent as they are

    def __post_init__(self) -> None:
        if not isinstance(self.extra, FrozenDict):
            object.__setattr__(self, "extra", FrozenDict(self.extra))


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Request:
    """All that a model is asked, and nothing else."""

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"  # "auto", "none", "required", or the name of a tool
    schema: Mapping[str, Any] | None = field(default=None, hash=False)

    def follow_up(self, *more: Message) -> Request:
        """A further turn of the same task. The caller's tools go along but may not be called: it is not their turn."""
        return replace(self, messages=(*self.messages, *more), tool_choice="none" if self.tools else self.tool_choice)

    def side_request(self, *more: Message) -> Request:
        """A question about an answer (judge, check): tools, schema and stop texts do not apply to it."""
        sampling = replace(self.sampling, stop=(), logprobs=None)
        return Request((*self.messages, *more), sampling)

    def with_sampling(self, **changes: Any) -> Request:
        """The same request with other sampling settings, e.g. `request.with_sampling(temperature=0.7)`."""
        return replace(self, sampling=replace(self.sampling, **changes))


@dataclass(frozen=True, slots=True)
class Usage:
    """What was spent. Attempts at endpoints = calls + retries, but for `cached_calls`.

    A call answered from another run's ledger keeps its tokens and price, as what its answer takes to get, and counts
    in `cached_calls`. `usd` is None when a price is unknown, never 0 by guess; it and the tokens are those of settled
    calls, so with `unsettled_calls` they are a lower bound. `seconds` is not compared.
    """

    calls: int = 0
    retries: int = 0
    cached_calls: int = 0
    unsettled_calls: int = 0  # attempts cut off before the endpoint said what they cost
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0  # of the output
    prompt_cached_tokens: int = 0  # of the input
    usd: float | None = 0.0
    seconds: float = field(default=0.0, compare=False)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.retries + other.retries,
            self.cached_calls + other.cached_calls,
            self.unsettled_calls + other.unsettled_calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.prompt_cached_tokens + other.prompt_cached_tokens,
            None if self.usd is None or other.usd is None else self.usd + other.usd,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    token: str
    logprob: float  # natural logarithm
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One node of the trace. `call` is the ledger's key of a provider call: the texts stay there. `text` is what a tool
    that is no provider was given and gave, or the beginning of it."""

    name: str
    usage: Usage
    call: str | None = None
    steps: tuple[Step, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """What a statement of the reply rests on: the characters from `start` to `end` of a document, which are `text`.

    `page` is where the passage that was shown begins, `line` where these characters do. `number` is the one by which
    the reply cites it, and `cited_at` where: the start and end of each citation in its text; none where it writes none.
    """

    document: str  # its name or URL
    start: int
    end: int
    text: str = ""
    page: int | None = None
    line: int | None = None
    number: int | None = None
    cited_at: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    message: Message
    finish: Finish = "stop"
    usage: Usage = Usage()  # everything spent beneath this reply
    steps: tuple[Step, ...] = field(default=(), compare=False)
    logprobs: tuple[TokenLogprob, ...] | None = None
    sources: tuple[Source, ...] = ()
    answered_by: str = field(default="", compare=False)  # what the endpoint calls the model that answered, if it tells

    @property
    def text(self) -> str:
        return self.message.text


@dataclass(frozen=True, slots=True)
class NextToken:
    """`text` is what the token adds to the reply, or the name of a special token; after one that `ends` comes none."""

    token: int
    text: str
    probability: float
    ends: bool


@dataclass(frozen=True, slots=True)
class NextTokens:
    tokens: tuple[NextToken, ...]  # the most likely first
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Embeddings:
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Scores:
    values: tuple[float | None, ...]  # one for each reply, higher is better; None: no grade could be read
    usage: Usage = Usage()


@runtime_checkable
class Embedder(Protocol):
    async def embed(self, texts: Sequence[str]) -> Embeddings: ...


@runtime_checkable
class OpenWeights(Protocol):
    """What training and lenses need of a model: local: models have it, and mini as a torch module."""

    @property
    def tokenizer(self) -> Any:
        """A tokenizer of the `tokenizers` library."""

    def module(self) -> Any:
        """The torch module; loaded if it is not yet."""

    def encode(self, request: Request) -> tuple[int, ...]:
        """The tokens of the request, up to where the reply begins."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Inside the block, nobody else generates with these weights, so they may be changed."""


@runtime_checkable
class Scorer(Protocol):
    """A judge or a reward model. `calls` is the most provider calls that the score of one reply takes."""

    @property
    def calls(self) -> int: ...

    async def score(self, request: Request, replies: Sequence[Reply]) -> Scores: ...


class AnswerRule(Protocol):
    """What counts as the answer in a text; None when there is none."""

    __name__: str

    def __call__(self, reply_text: str, /) -> str | None: ...


class Technique(Protocol):
    def wrap(self, model: Model, /) -> Model: ...


class Model(ABC):
    """Anything that answers: an endpoint, a checkpoint, or either of them under techniques."""

    def __repr__(self) -> str:
        return f"<Model {self.name}>"

    @property
    @abstractmethod
    def name(self) -> str:
        """The recipe that rebuilds this model: `load(model.name).name == model.name`."""

    @abstractmethod
    async def generate(self, request: Request) -> Reply: ...

    @property
    def base(self) -> Model:
        """The model beneath all techniques; itself, where there are none."""
        return self

    async def logprobs(self, request: Request, continuation: str) -> tuple[TokenLogprob, ...]:
        """The log-probability of each token of `continuation` as the reply to `request`, in order."""
        raise Unsupported(f"{self.name} gives no log-probabilities of a given text; a local: model or mini does")

    def max_calls(self) -> int:
        """The most provider calls that one `generate` can make, retries apart."""
        return 1

    async def __aenter__(self) -> Self:
        """What this model opens inside the block (MCP servers, an index) is closed at its end.

        Without the block it lives as long as the `Runtime` around, or the event loop.
        """
        Lifetime().open()
        return self

    async def __aexit__(self, *error: object) -> None:
        lifetime = current().lifetime
        if type(lifetime) is Lifetime:  # never a Runtime, which is a block of its own
            await lifetime.aclose()

    def __or__(self, technique: Technique) -> Model:
        return technique.wrap(self)

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[events.Event]]:
        """`generate` with a listener: `async with model.stream(request) as events: async for event in events: …`."""
        return events.stream(self, request)

    def ask(
        self, text: str, *, temperature: float | None = None, max_tokens: int | None = None, seed: int | None = None
    ) -> str:
        """The answer to one question, from synchronous code; works inside a notebook's running loop, too.

        Raises: Truncated, Refused or NoAnswer rather than hand out what is not an answer.
        """
        sampling = Sampling(temperature=temperature, max_tokens=max_tokens, seed=seed)
        return require_answer(run_sync(self.generate, Request((Message("user", text),), sampling))).text


def require_answer(reply: Reply) -> Reply:
    """The reply itself if it is an answer; else the error that says why it is none."""
    if reply.finish == "length":
        raise Truncated("the reply ran into its token limit; raise max_tokens", reply)
    if reply.finish == "refused":
        raise Refused(f"the model declined to answer: {reply.text.strip() or '(no words given)'}")
    if reply.finish == "tool_calls":
        names = ", ".join(call.name for call in reply.message.tool_calls)
        raise NoAnswer(f"the reply asks for tools ({names}) instead of answering")
    return reply
