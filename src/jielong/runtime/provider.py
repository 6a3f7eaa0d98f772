"""One provider call, with all that surrounds it. Everything that costs subclasses `Provider` and writes `send`.

From the outside inwards: the observer, single flight and replay from the ledger, the deadline of the budgets around,
attempts with a slot of the endpoint's limiter each, a reservation in the budgets, and the attempt itself. What it cost
is written down and charged before the result is used.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import ClassVar, Literal, TypeVar, cast

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint

from .. import call_context
from ..call_context import current
from ..contract import (
    Embeddings,
    Message,
    Model,
    NextToken,
    NextTokens,
    Reply,
    Request,
    Step,
    TokenLogprob,
    Usage,
)
from ..errors import EndpointGaveUp, JielongError, Unsupported
from ..events import Delta, tracking_listener
from ..faults import described
from ..scope import charge, count_call, record_turn
from .budget import CallCost, reserve
from .concurrency_limiter import MAX_ATTEMPTS, MAX_WAIT, AttemptFailed, limiter_of, retry_delay
from .key_filter import FilteredListener, KeyFilter
from .ledger import ActiveRun, CachedResult, call_key, with_derived_seed
from .ledger_json import max_input_tokens, max_message_tokens
from .long_texts import LONG, in_turn, length, message_length, result_length
from .operations import EMBED, GENERATE, LOGPROBS, NEXT_TOKENS, ProviderCall, R
from .runtime import active_runtime

__all__ = ["AttemptFailed", "EmbeddingProvider", "OpenWeightsProvider", "Provider"]


T = TypeVar("T", int, float)
SECONDS_A_CHARACTER = 1e-8  # that sending a long request, reading its reply and writing both down will take


class Provider(Model):
    """Every model that costs something.

    `seeded` says what its seeds are worth: "exact" (the same text for ever), "best_effort" or "none".
    """

    seeded: ClassVar[Literal["exact", "best_effort", "none"]] = "none"

    @abstractmethod
    def identity(self) -> str:
        """What makes its replies its own, for the ledger: URL and name, or the hash of weights, tokenizer, template."""

    @abstractmethod
    async def send(self, request: Request, attempt: str) -> Reply:
        """One attempt, named `attempt`. The seed is the sample's own; the reply's usage holds its tokens.

        Raises AttemptFailed when another attempt may help, any JielongError when not. Streams to the listener of the
        context, if it has one.
        """

    def keys(self) -> tuple[str, ...]:
        """What it is sent to prove who asks; nothing that comes back may repeat it."""
        return ()

    def endpoint(self) -> str | None:
        """What shares a limiter; None: nothing to limit."""
        return None

    def check_length(self, request: Request) -> None:
        """Raises TooLong for a request that certainly is, before it is written down anywhere."""
        return

    def usd(self, usage: Usage) -> float | None:
        """US dollars for these tokens, None when unknown. What runs on this machine costs 0."""
        return 0.0

    def reply_usd(self, reply: Reply) -> float | None:
        """US dollars for a reply: as `usd`, unless another model answered than was asked."""
        return self.usd(reply.usage)

    async def generate(self, request: Request) -> Reply:
        return await self._call(ProviderCall(GENERATE, request, self.send))

    def max_cost(self, request: Request) -> CallCost:
        """An upper bound of what one reply to `request` costs."""
        return self._max_cost(ProviderCall(GENERATE, request, self.send))

    async def _call(self, call: ProviderCall[R]) -> R:
        self.check_length(call.request)
        identity = self.identity(), call.operation.name, call.request, call.arguments, current().path
        key_of = partial(call_key, *identity, call.operation.sampled)
        size = length(call.request)
        more = SECONDS_A_CHARACTER * size if size >= LONG and active_runtime().shared else 0.0
        call.key, call.request_json = await in_turn(size, key_of, more=more)
        observer = current().observer
        if observer is None:
            return await self._replay_or_attempt(call)
        with observer.call(self.name, call.request, call.operation.name):
            result = await self._replay_or_attempt(call)
            if isinstance(result, Reply) and (within := current().observer):  # the observer that knows of this call
                within.replied(result)
            return result

    async def _replay_or_attempt(self, call: ProviderCall[R]) -> R:
        run = current().active_run
        if run is None or (call.operation.sampled and call.request.sampling.seed is None):
            return await self._attempt_and_write(call)
        async with run.ledger.single_flight(call.key):
            find = partial(run.ledger.find, call.key, call.operation.decode)
            cached = await run.ledger.aside(len(call.request_json), find)
            result = await (self._attempt_and_write(call) if cached is None else self._replay(call, cached, run))
            run.used.add(call.key)
            return result

    async def _replay(self, call: ProviderCall[R], cached: CachedResult[R], run: ActiveRun) -> R:
        result = cached.result
        usage = result.usage
        # A result is paid for once in a run: by the first who uses it, also after an interruption.
        if cached.run == run.run and call.key not in run.used:
            cost = self._cost_of(usage, call, result)
            for budget in await reserve(cost):
                budget.settle(cost, cost, result if isinstance(result, Reply) else None)
        else:
            usage = replace(usage, cached_calls=usage.calls)
        count_call()
        if call.operation is GENERATE and isinstance(result, Reply) and (listener := current().listener):
            await listener(Delta(result.text))
        charge(self.name, usage, call.key)
        return self._with_usage(result, usage, call.key)

    async def _attempt_and_write(self, call: ProviderCall[R]) -> R:
        error: str | None = "cancelled"
        result: R | None = None
        try:
            with _deadline():
                result = await self._attempts(call, with_derived_seed(call.request, current().path))
            error = None
        except JielongError as failure:
            error = str(failure)
            raise
        except Exception as unexpected:
            error = described(unexpected)
            raise
        finally:
            await self._write(call, result, error)
        return self._with_usage(result, call.usage, call.key)

    def _with_usage(self, result: R, usage: Usage, key: str) -> R:
        if isinstance(result, Reply):
            return replace(result, usage=usage, steps=(Step(self.name, usage, key),))
        return replace(result, usage=usage)

    async def _write(self, call: ProviderCall[R], result: R | None, error: str | None) -> None:
        if not call.usage.calls:
            return
        run = current().active_run
        size = len(call.request_json) + result_length(result)

        def write(run: ActiveRun) -> None:
            run.ledger.put(
                call.key,
                run.run,
                self.name,
                call.request_json,
                usage=call.usage,
                reply=call.operation.encode(result) if result else None,
                error=error,
                bound_tokens=self._max_unsettled(call, call.usage, result).tokens
                if call.usage.unsettled_calls
                else None,
                size=size,
            )

        try:
            if run:
                await run.ledger.aside(size, partial(write, run))
        finally:
            charge(self.name, call.usage, call.key)

    async def _attempts(self, call: ProviderCall[R], request: Request) -> R:
        endpoint = self.endpoint()
        open_loop = current().open_loop
        limiter = limiter_of(endpoint) if endpoint and not open_loop else None
        listener = tracking_listener() if call.operation is GENERATE else None
        queued = time.monotonic()
        while True:
            halvings = await limiter.acquire() if limiter else 0
            began = time.monotonic()
            try:
                try:
                    with call_context.replace(listener=listener) if listener else nullcontext():
                        result = await self._attempt(call, request)
                finally:
                    ended = time.monotonic()
                    if limiter:
                        limiter.release()
                    if endpoint:
                        record_turn(queued, began, ended)
                    queued = ended
                if limiter:
                    limiter.answered()
                    await cancel_shielded_checkpoint()  # the next call goes out before this reply is written down
                return result
            except AttemptFailed as failure:
                if limiter and failure.overloaded:
                    limiter.overloaded(failure.after, halvings)
                if listener and listener.emitted:
                    raise EndpointGaveUp(f"{self.name} broke off in the middle of its reply: {failure}") from None
                if failure.final or open_loop:
                    raise EndpointGaveUp(str(failure)) from None
                if failure.after is not None and failure.after > MAX_WAIT:
                    raise EndpointGaveUp(f"{self.name} asks to wait for {failure.after:.0f} s: {failure}") from None
                if call.attempts >= MAX_ATTEMPTS:
                    raise EndpointGaveUp(f"{self.name} gave up after {call.attempts} attempts: {failure}") from None
                wait = retry_delay(call.attempts, failure.after)
            await anyio.sleep(wait)

    async def _attempt(self, call: ProviderCall[R], request: Request) -> R:
        max_cost = self._max_cost(call) if current().budgets else CallCost(1, None, None)
        if call.attempts:
            max_cost = replace(max_cost, calls=0)  # a retry is the same call
        budgets = await reserve(max_cost)
        cost, used, result = CallCost(), Usage(), None
        started = time.monotonic()
        try:
            if call.attempts == 0:
                count_call()
            call.attempts += 1
            result = await self._send_filtered(call, request, f"{call.key[:24]}-{call.attempts}")
            priced = self.reply_usd(result) if isinstance(result, Reply) else self.usd(result.usage)
            used = replace(result.usage, usd=priced)
            cost = (
                self._max_of_reply(call, result)
                if used.unsettled_calls
                else CallCost(0, used.input_tokens + used.output_tokens, used.usd)
            )
            return result
        except AttemptFailed as failure:
            if failure.unsettled:
                cost, used = max_cost, Usage(unsettled_calls=1)
            raise
        except JielongError:
            raise
        except BaseException:
            cost, used = max_cost, Usage(unsettled_calls=1)
            raise
        finally:
            call.add_attempt(used, time.monotonic() - started)
            for budget in budgets:
                budget.settle(max_cost, cost, result if isinstance(result, Reply) else None)

    async def _send_filtered(self, call: ProviderCall[R], request: Request, attempt: str) -> R:
        """Sends it; what comes back, in whatever way, does not repeat a key."""
        if not (keys := self.keys()):
            return await call.send(request, attempt)
        key_filter, listener = active_runtime().get(KeyFilter, keys), current().listener
        filtered = FilteredListener(key_filter, listener) if listener else None
        try:
            with call_context.replace(listener=filtered):
                result = await call.send(request, attempt)
        except (JielongError, AttemptFailed) as error:
            key_filter.error(error)
            raise
        if filtered:
            await filtered.finish()
        if isinstance(result, Reply):
            return cast(R, await in_turn(message_length(result.message), partial(key_filter.reply, result)))
        return result

    def _max_cost(self, call: ProviderCall[R], max_output: int | None = None) -> CallCost:
        """The most that one attempt costs; `max_output`: where what it wrote is known."""
        input_tokens = max_input_tokens(call.request, call.arguments)
        output_tokens = call.request.sampling.max_tokens if call.operation is GENERATE else 0
        if max_output is not None:
            output_tokens = max_output if output_tokens is None else min(output_tokens, max_output)
        if input_tokens is None or output_tokens is None:
            return CallCost(1, None, None)
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        return CallCost(1, input_tokens + output_tokens, self.usd(usage))

    def _max_of_reply(self, call: ProviderCall[R], result: R) -> CallCost:
        """The most that a reply cost whose endpoint does not tell: the bytes that were read and written."""
        return self._max_cost(call, max_message_tokens(result.message) if isinstance(result, Reply) else None)

    def _max_unsettled(self, call: ProviderCall[R], usage: Usage, result: R | None) -> CallCost:
        """The most that the unsettled attempts can have cost; the one that gave the result may be one of them."""
        untold = result is not None and (usage.unsettled_calls > usage.retries or usage.input_tokens == 0)
        attempt, reply = self._max_cost(call), self._max_of_reply(call, result) if result and untold else CallCost()
        times = usage.unsettled_calls - untold
        return CallCost(0, _total(reply.tokens, attempt.tokens, times), _total(reply.usd, attempt.usd, times))

    def _cost_of(self, usage: Usage, call: ProviderCall[R], result: R) -> CallCost:
        """What a call took from the budgets around it."""
        tokens, usd = usage.input_tokens + usage.output_tokens, usage.usd
        if not usage.unsettled_calls:
            return CallCost(usage.calls, tokens, usd)
        unsettled = self._max_unsettled(call, usage, result)
        return CallCost(usage.calls, _total(unsettled.tokens, tokens, 1), _total(unsettled.usd, usd, 1))


def _total(amount: T | None, more: T | None, times: int) -> T | None:
    """None where a part of it has no bound."""
    if amount is None or (times and more is None):
        return None
    return amount + (more or 0) * times


class OpenWeightsProvider(Provider):
    """A model whose probabilities can be seen."""

    @abstractmethod
    async def send_logprobs(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        """The log-probability of each token of `continuation`, and the tokens that were read."""

    @abstractmethod
    async def send_next_tokens(self, request: Request, reply_tokens: Sequence[int], k: int) -> NextTokens:
        """The `k` most likely tokens after a reply that begins with `reply_tokens`."""

    async def logprobs(self, request: Request, continuation: str) -> tuple[TokenLogprob, ...]:
        async def send(request: Request, attempt: str) -> Reply:
            logprobs, usage = await self.send_logprobs(request, continuation)
            return Reply(Message("assistant", continuation), usage=usage, logprobs=logprobs)

        reply = await self._call(ProviderCall(LOGPROBS, request, send, {"continuation": continuation}))
        return reply.logprobs or ()

    async def send_standardized(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        """As `send_logprobs`, each less the mean of its distribution and by its standard deviation."""
        raise Unsupported(f"{self.name} shows no distribution of the next token; a local: model or mini does")

    async def standardized_logprobs(self, request: Request, continuation: str) -> tuple[float, ...]:
        """The log-probability of each token of `continuation`, less the mean of all tokens' there, by their standard
        deviation: how much more likely it was than expected (Zhang et al. 2024)."""

        async def send(request: Request, attempt: str) -> Reply:
            values, usage = await self.send_standardized(request, continuation)
            return Reply(Message("assistant", continuation), usage=usage, logprobs=values)

        arguments = {"continuation": continuation, "standardized": True}
        reply = await self._call(ProviderCall(LOGPROBS, request, send, arguments))
        return tuple(each.logprob for each in reply.logprobs or ())

    async def next_tokens(self, request: Request, reply_tokens: Sequence[int], k: int) -> tuple[NextToken, ...]:
        """The `k` most likely tokens after a reply that begins with `reply_tokens`, the most likely first."""

        async def send(request: Request, attempt: str) -> NextTokens:
            return await self.send_next_tokens(request, reply_tokens, k)

        arguments = {"reply_tokens": list(reply_tokens), "k": k}
        return (await self._call(ProviderCall(NEXT_TOKENS, request, send, arguments))).tokens


class EmbeddingProvider(Provider):
    """A model that also turns texts into vectors."""

    @abstractmethod
    async def send_embed(self, texts: Sequence[str], attempt: str) -> Embeddings:
        """One attempt; the usage holds its tokens."""

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        async def send(request: Request, attempt: str) -> Embeddings:
            return await self.send_embed(texts, attempt)

        return await self._call(ProviderCall(EMBED, Request(tuple(Message("user", text) for text in texts)), send))


@contextmanager
def _deadline() -> Iterator[None]:
    """The nearest deadline of the budgets around this call. Raises BudgetExceeded when it passes."""
    deadlines = [(budget.deadline, budget) for budget in current().budgets if budget.deadline is not None]
    if not deadlines:
        yield
        return
    deadline, budget = min(deadlines, key=lambda pair: pair[0])
    with anyio.move_on_after(max(0.0, deadline - time.monotonic())) as time_left:
        yield
    if time_left.cancelled_caught:
        raise budget.out_of_time()
