"""Prompts that a model writes: from examples (APE), from the history of scores (OPRO), from mistakes (GEPA).

- `induce`: Zhou et al. (2022), "Large language models are human-level prompt engineers": say from input-output pairs
  what the instruction was; after the first round half of the drafts are variations of the best (their iterative Monte
  Carlo search). They choose with a likelihood or by bandits; here all drafts pass the same loop.
- `history`: Yang et al. (2023), "Large language models as optimizers": the best prompts with their scores, ascending,
  and some items; write a better one.
- `reflect`: Agrawal et al. (2025), "GEPA": a parent from the Pareto front over items, three of its replies with what
  was right; write a better instruction. There is one prompt only, so GEPA's merging of modules does not apply.
"""

import random
import re

from ...call_context import sub_path
from ...contract import Message, Request, Sampling
from ...prompts import catalogue, fill
from ...scope import note
from ...tasks.item import Item
from ...technique import FailedSample, gather
from .prompt_draft import PromptDraft, ScoredDraft
from .search_state import SearchState, pareto

TOKENS, TEMPERATURE = 2048, 1.0
SHOWN, HISTORY, REFLECTED = 5, 20, 3  # pairs for induction; prompts in the history; replies to reflect on
LONGEST = 2000  # characters of a question or reply that the writer is shown


async def propose_from_examples(state: SearchState, k: int, rng: random.Random) -> list[PromptDraft]:
    begun, best = any(scored.draft.by == "induce" for scored in state.drafts), state.best
    instructions = []
    for i in range(k):
        if begun and i % 2 and best.draft.text:
            instructions.append((_words(state, "vary", text=best.draft.text), best))
        else:
            instructions.append((_words(state, "induce", pairs=_pairs(state, rng)), state.start))
    return await _written(state, "induce", instructions)


async def propose_from_history(state: SearchState, k: int, rng: random.Random) -> list[PromptDraft]:
    """The parent of a draft is the best prompt so far: it is what the writer was to surpass."""
    form = _form(state, "scored")
    best = [scored for scored in state.complete if not scored.draft.examples][:HISTORY]
    lines = [fill(form, {"text": s.draft.text, "score": f"{100 * s.mean:.0f}"}) for s in reversed(best)]
    texts = [_words(state, "history", scored="\n\n".join(lines), pairs=_pairs(state, rng)) for _ in range(k)]
    return await _written(state, "history", [(text, state.best) for text in texts])


async def propose_from_mistakes(state: SearchState, k: int, rng: random.Random) -> list[PromptDraft]:
    front, instructions = pareto(state.complete, state.items), []
    for number in rng.choices(list(front), list(front.values()), k=k):
        parent = state.drafts[number]
        cases = "\n\n".join(_case(state, parent, item) for item in _to_reflect_on(state, parent, rng))
        instructions.append((_words(state, "reflect", text=parent.draft.text or "–", cases=cases), parent))
    return await _written(state, "reflect", instructions)


def _to_reflect_on(state: SearchState, parent: ScoredDraft, rng: random.Random) -> list[Item]:
    """Three items, a mistake among them if there is one."""
    chosen = rng.sample(state.items, min(REFLECTED, len(state.items)))
    wrong = parent.mistakes(state.items)
    if wrong and not any(item in wrong for item in chosen):
        chosen[0] = rng.choice(wrong)
    return chosen


async def _written(state: SearchState, by: str, instructions: list[tuple[str, ScoredDraft]]) -> list[PromptDraft]:
    """What the writer makes of each instruction; with it comes the parent of the draft."""
    assert state.writer, "checked before the search: these proposers need a writer"
    sampling = Sampling(temperature=TEMPERATURE, max_tokens=TOKENS, seed=state.seed)
    requests = [Request((Message("user", text),), sampling) for text, _ in instructions]
    with sub_path("propose", state.round):
        replies = await gather(state.writer, requests)
    drafts = []
    for reply, (_, parent) in zip(replies, instructions, strict=True):
        if isinstance(reply, FailedSample):
            note(f"the writer {state.writer.name} gave no prompt: {reply.error}")
        elif text := between_fences(reply.text):
            drafts.append(PromptDraft(text, parent.draft.place, parent.draft.examples, parent.number, by))
    return drafts


def between_fences(reply_text: str) -> str | None:
    """The text in the last pair of ``` lines; without fences the whole reply; without quotation marks around it."""
    fenced = re.findall(r"```[a-z]*\n(.*?)```", reply_text, re.DOTALL)
    text = str(fenced[-1] if fenced else reply_text).strip()
    quoted = re.fullmatch(r"[\"“「](.*)[\"”」]", text, re.DOTALL)
    return (quoted[1] if quoted else text).strip() or None


def _form(state: SearchState, name: str) -> str:
    return catalogue(state.language)["prompt_search"][name]


def _words(state: SearchState, name: str, *, text: str = "", pairs: str = "", scored: str = "", cases: str = "") -> str:
    values = {"text": text, "pairs": pairs, "scored": scored, "cases": cases, "words": str(state.max_words)}
    return fill(_form(state, name), values).strip()


def _pairs(state: SearchState, rng: random.Random) -> str:
    form = _form(state, "pair")
    answered = [item for item in state.pool if item.accepted]
    chosen = rng.sample(answered, min(SHOWN, len(answered)))
    return "\n\n".join(fill(form, {"question": _question(item), "answer": item.accepted[0]}) for item in chosen)


def _case(state: SearchState, parent: ScoredDraft, item: Item) -> str:
    answer = parent.answers[item.id]
    verdict = _form(state, "right" if answer.score == 1 else "wrong")
    accepted, score = " / ".join(item.accepted) or "–", f"{answer.score or 0.0:.2g}"
    verdict = fill(verdict, {"answer": accepted, "score": score})
    reply = answer.text[:LONGEST] or answer.error or ""
    return fill(_form(state, "case"), {"question": _question(item), "reply": reply, "verdict": verdict})


def _question(item: Item) -> str:
    return "\n\n".join(message.text for message in item.request().messages)[:LONGEST]
