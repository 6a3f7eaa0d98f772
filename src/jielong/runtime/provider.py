"""One provider call, with all that surrounds it. Everything that costs subclasses `Provider` and writes `send`."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint

from .. import context
from ..context import current
from ..contract import Model, Reply, Request, Step, Usage
from ..errors import EndpointGaveUp, JielongError
from ..events import Delta, tracking_listener
from ..scope import charge, count_call
from .budget import CallCost, reserve
from .concurrency_limiter import MAX_ATTEMPTS, MAX_WAIT, AttemptFailed, limiter_of, retry_delay
from .ledger import CachedReply, call_key, with_derived_seed
from .ledger_json import max_input_tokens

__all__ = ["AttemptFailed", "Provider"]


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

        Raises AttemptFailed when another attempt may help, any JielongError when not. Streams to `listener` if set.
        """

    def endpoint(self) -> str | None:
        """What shares a limiter; None: nothing to limit."""
        return None

    def usd(self, usage: Usage) -> float | None:
        """US dollars for these tokens, None when unknown. What runs on this machine costs 0."""
        return 0.0

    async def generate(self, request: Request) -> Reply:
        seen = current().observer
        if seen is None:
            return await self._answer(request)
        with seen.call(self.name, request):
            reply = await self._answer(request)
            seen.replied(reply)
            return reply

    async def _answer(self, request: Request) -> Reply:
        key, written = call_key(self.identity(), request, current().path)
        kept_in = current().active_run
        if kept_in is None or request.sampling.seed is None:
            return await self._ask(key, written, request)
        async with kept_in.ledger.single_flight(key):
            kept = kept_in.ledger.find(key)
            if kept is None:
                reply = await self._ask(key, written, request)
            else:
                # A reply is paid for once in a run: by the first who uses it, also after an interruption.
                paid = kept.run == kept_in.run and key not in kept_in.used
                reply = await self._replay(key, kept, self._spent(kept.reply.usage, request) if paid else None)
            kept_in.used.add(key)
            return reply

    async def _replay(self, key: str, kept: CachedReply, cost: CallCost | None) -> Reply:
        usage = kept.reply.usage
        if cost:
            for purse in await reserve(cost):
                purse.release(cost, cost, kept.reply)
        else:
            usage = replace(usage, cached_calls=usage.calls)
        count_call()
        if loud := current().listener:
            await loud(Delta(kept.reply.text))
        charge(self.name, usage, key)
        return replace(kept.reply, usage=usage, steps=(Step(self.name, usage, key),))

    async def _ask(self, key: str, written: str, request: Request) -> Reply:
        call = _Call(key, self.most(request) if current().budgets else CallCost(1, None, None))
        words: str | None = "cancelled"
        reply: Reply | None = None
        try:
            with _deadline():
                reply = await self._attempts(call, with_derived_seed(request, current().path))
            words = None
        except JielongError as error:
            words = str(error)
            raise
        finally:
            self._write_down(call, written, request, reply, words)
        return replace(reply, usage=call.usage, steps=(Step(self.name, call.usage, key),))

    def _write_down(self, call: _Call, written: str, request: Request, reply: Reply | None, words: str | None) -> None:
        if not call.usage.calls:
            return
        if kept_in := current().active_run:
            kept_in.ledger.put(
                call.key,
                kept_in.run,
                self.name,
                written,
                usage=call.usage,
                reply=replace(reply, usage=call.usage) if reply else None,
                error=words,
                bound_tokens=self._unknown(call.usage, request).tokens if call.usage.unsettled_calls else None,
            )
        charge(self.name, call.usage, call.key)

    async def _attempts(self, call: _Call, request: Request) -> Reply:
        endpoint = self.endpoint()
        limiter = limiter_of(endpoint) if endpoint else None
        tracking = tracking_listener()
        while True:
            try:
                async with limiter.slot() if limiter else nullcontext(0) as taken:
                    with context.replace(listener=tracking):
                        reply = await self._attempt(call, request)
                if limiter:
                    limiter.answered()
                    await cancel_shielded_checkpoint()  # the next call goes out before this reply is written down
                return reply
            except AttemptFailed as failed:
                if limiter and failed.overloaded:
                    limiter.overloaded(failed.after, taken)
                if tracking and tracking.emitted:
                    raise EndpointGaveUp(f"{self.name} broke off in the middle of its reply: {failed}") from None
                if failed.after is not None and failed.after > MAX_WAIT:
                    raise EndpointGaveUp(f"{self.name} asks to wait for {failed.after:.0f} s: {failed}") from None
                if call.attempts >= MAX_ATTEMPTS:
                    raise EndpointGaveUp(f"{self.name} gave up after {call.attempts} attempts: {failed}") from None
                wait = retry_delay(call.attempts, failed.after)
            await anyio.sleep(wait)

    async def _attempt(self, call: _Call, request: Request) -> Reply:
        most = replace(call.most, calls=0 if call.attempts else 1)
        held = await reserve(most)
        spent, reply = CallCost(), None
        started = time.monotonic()
        try:
            if call.attempts == 0:
                count_call()
            call.attempts += 1
            call.usage += Usage(calls=1) if call.attempts == 1 else Usage(retries=1)
            reply = await self.send(request, f"{call.key[:24]}-{call.attempts}")
            used = replace(reply.usage, calls=0, retries=0, seconds=0.0)
            call.usage += replace(used, usd=self.usd(used))
            spent = (
                most if used.unsettled_calls else CallCost(0, used.input_tokens + used.output_tokens, self.usd(used))
            )
            return reply
        except AttemptFailed as failed:
            if failed.unsettled:
                spent = self._unsettled(call, most)
            raise
        except JielongError:
            raise
        except BaseException:
            spent = self._unsettled(call, most)
            raise
        finally:
            call.usage += Usage(seconds=time.monotonic() - started)
            for purse in held:
                purse.release(most, spent, reply)

    def _unsettled(self, call: _Call, most: CallCost) -> CallCost:
        call.usage += Usage(unsettled_calls=1)
        return most

    def _unknown(self, usage: Usage, request: Request) -> CallCost:
        """The most that the unsettled attempts can have cost."""
        most, times = self.most(request), usage.unsettled_calls
        return CallCost(0, most.tokens and most.tokens * times, most.usd and most.usd * times)

    def _spent(self, usage: Usage, request: Request) -> CallCost:
        """What a call took from the purses around it."""
        tokens, usd = usage.input_tokens + usage.output_tokens, usage.usd
        if not usage.unsettled_calls:
            return CallCost(usage.calls, tokens, usd)
        unknown = self._unknown(usage, request)
        return CallCost(
            usage.calls,
            None if unknown.tokens is None else tokens + unknown.tokens,
            None if unknown.usd is None or usd is None else usd + unknown.usd,
        )

    def most(self, request: Request) -> CallCost:
        """An upper bound of one call's tokens (UTF-8 bytes, as no tokenizer makes more) and dollars."""
        input_tokens, output_tokens = max_input_tokens(request), request.sampling.max_tokens
        if input_tokens is None or output_tokens is None:
            return CallCost(1, None, None)
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        return CallCost(1, input_tokens + output_tokens, self.usd(usage))


@dataclass
class _Call:
    key: str
    most: CallCost
    attempts: int = 0
    usage: Usage = field(default_factory=Usage)


@contextmanager
def _deadline() -> Iterator[None]:
    """The nearest deadline of the budgets around this call. Raises BudgetExceeded when it passes."""
    timed = [(purse.deadline, purse) for purse in current().budgets if purse.deadline is not None]
    if not timed:
        yield
        return
    deadline, purse = min(timed, key=lambda pair: pair[0])
    with anyio.move_on_after(max(0.0, deadline - time.monotonic())) as time_left:
        yield
    if time_left.cancelled_caught:
        raise purse.out_of_time()
