"""A team: an organiser proposes who is needed, the members work, an examiner keeps what adds to the work."""

from collections.abc import Mapping

from ...answers import RULES
from ...contract import Message, Model, Reply, Request
from ...prompts import fill, prompt
from ...scope import note
from ...technique import adds_output, as_role, ballot, final_call, gather, no_answer
from ..decompose import entries
from ..prompting import Words, require_at_least, with_instruction
from .answers import answered, quoted, text_of, with_answers


def _team_calls(
    model: int, organiser: int | None, worker: int | None, examiner: int | None, n: int, rounds: int, **_: object
) -> int:
    organising, working, examining = (model if each is None else each for each in (organiser, worker, examiner))
    return organising + rounds * n * (working + examining) + model


@adds_output(calls=_team_calls)
async def team(
    model: Model,
    request: Request,
    *,
    organiser: Model | None = None,
    worker: Model | None = None,
    examiner: Model | None = None,
    n: int = 3,
    rounds: int = 2,
    least: int = 3,
    organise: Words = None,
    work: Words = None,
    again: Words = None,
    examine: Words = None,
    join: Words = None,
) -> Reply:
    """Up to `n` members work at once, each in a role that the organiser proposes; the model joins what they contribute.

    What a member contributes is kept where the examiner finds that it adds to what is kept already and to those before
    it, in an order that turns with the rounds: a grade from 0 to 10 of at least `least`, or one that cannot be read. A
    member whose contribution is not kept, or repeats what was said, leaves; what it had contributed before stays. Where
    no first contribution would be kept, the one with the best grade is. In
    further rounds the members see what was kept. It ends after `rounds`, or when fewer than two members are left. One
    that fails stays, with what it had done; where the model fails, the contributions are the reply as they are.

    Roles are as in AgentVerse (Chen et al. 2024). In DyLAN (Liu et al. 2024) peers grade each other, and grades add up
    over the rounds; here one examiner grades what is new. Tools are for the model that joins. Who has no model of its
    own is played by the model.
    """
    require_at_least(1, "team", {"n": n, "rounds": rounds})
    organising = fill(prompt(request, "team", "organise", organise), {"n": str(n)})
    proposal = await as_role(organiser or model, "organiser").generate(
        with_instruction(request.side_request(), organising)
    )
    roles = list(dict.fromkeys(entries(text_of(proposal))))[:n]
    work, again = prompt(request, "team", "work", work), prompt(request, "team", "again", again)
    examine, join = prompt(request, "team", "examine", examine), prompt(request, "team", "join", join)
    members, kept = dict(enumerate(roles)), dict[int, str]()
    for index in range(0, rounds * 2 * n, 2 * n):
        if len(members) < min(2, len(roles)):
            break
        texts = await _work(worker or model, request, members, kept, again if kept else work, index)
        added = await _adding(examiner or model, request, texts, kept, examine, least, index)
        members = {i: role for i, role in members.items() if i in added or i not in texts}
        kept |= added
    if len(members) < len(roles):
        note(f"team: {len(roles) - len(members)} of {len(roles)} members added nothing more and left")
    if not kept:  # nobody was proposed
        return await final_call(model, request)
    otherwise = Reply(Message("assistant", "\n\n".join(kept.values()))) if request.schema is None else None
    return await final_call(model, with_answers(request, join, kept.values()), otherwise=otherwise)


async def _work(
    worker: Model, request: Request, members: Mapping[int, str], kept: Mapping[int, str], words: str, index: int
) -> dict[int, str]:
    """What each member contributes, without those who failed. Raises NoAnswer where nobody ever did anything."""
    pairs = [
        (as_role(worker, f"member {i + 1}"), with_answers(request.side_request(), words, kept.values(), {"role": role}))
        for i, role in members.items()
    ]
    samples = await gather(None, pairs, first=index)
    replies = answered(samples, "team")
    if pairs and not replies and not kept:
        raise no_answer(samples)
    return {i: text_of(replies[at]) for at, i in enumerate(members) if at in replies}


async def _adding(
    examiner: Model,
    request: Request,
    texts: Mapping[int, str],
    kept: Mapping[int, str],
    words: str,
    least: int,
    index: int,
) -> dict[int, str]:
    """The contributions that add something to those kept and to those before them."""
    turn = index % len(texts) if texts else 0
    known, new, pairs = list(kept.values()), list[int](), []
    for i in [*list(texts)[turn:], *list(texts)[:turn]]:
        if _plain(texts[i]) not in map(_plain, known):
            question = with_answers(request.side_request(), words, known, {"contribution": quoted(texts[i])})
            pairs.append((as_role(examiner, f"examiner of member {i + 1}"), question))
            new.append(i)
            known.append(texts[i])
    verdicts = await gather(None, pairs, first=index + len(texts))
    grades = dict(zip(new, (ballot(verdict, RULES["number"]) for verdict in verdicts), strict=True))
    added = {i: texts[i] for i in sorted(new) if (grade := grades[i]) is None or float(grade) >= least}
    best = max(new, key=lambda i: float(grades[i] or 0), default=None)
    return added if added or kept or best is None else {best: texts[best]}


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
