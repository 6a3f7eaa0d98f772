"""What a request leaves open is said before it is answered: filled in from the conversation, assumed, or asked back."""

import re
from typing import Literal, TypeAlias

from ..contract import Message, Model, Reply, Request
from ..errors import Unsupported
from ..prompts import fill, prompt
from ..technique import adds_output, final_call
from .prompting import Words, last_user_message, with_question

Missing: TypeAlias = Literal["assume", "ask"]
LONGEST_POINT = 500  # characters
_LINE = re.compile(
    r"\W*(?:\d{1,2}[.)、]\s*)?\W*(?P<point>[^:：?？\n]{1,40}?)\W*(?P<colon>[:：])[\s*_]*(?P<open>[?？])?[\s*_]*(?P<text>.*)"
)


@adds_output(calls=lambda model, **_: 2 * model)
async def brief(
    model: Model, request: Request, *, missing: Missing = "assume", question: Words = None, answer: Words = None
) -> Reply:
    """List goal, audience, limits and format first, then answer by that list (Deng et al. 2023, Rephrase and Respond).

    Points that the conversation does not tell are left to the model (`assume`), or their questions are the reply
    (`ask`; as in CLAM, Kuhn et al. 2022): once the user has answered, the next turn fills them in. Deng et al. let the
    model reword the question freely; here it names what is missing. The words of `answer` hold {brief}.
    """
    if missing == "ask":
        _may_ask_back(request)
    if last_user_message(request) is None:
        return await final_call(model, request)
    listing = prompt(request, "brief", "question", question)
    list_reply = await model.generate(with_question(request.side_request(), listing))
    lines = [_matched(line.strip()) or line.strip() for line in list_reply.text.splitlines() if line.strip()]
    open_points = [line for line in lines if isinstance(line, re.Match) and line["open"]]
    if open_points and missing == "ask":
        return Reply(Message("assistant", "\n".join(_point(line, line["text"] or "?") for line in open_points)))
    unknown = prompt(request, "brief", "open")
    known = "\n".join(
        line if isinstance(line, str) else _point(line, unknown if line["open"] else line["text"]) for line in lines
    )
    words = prompt(request, "brief", "answer", answer)
    return await final_call(model, with_question(request, fill(words, {"brief": known})))


def _matched(line: str) -> re.Match[str] | None:
    return _LINE.fullmatch(line) if len(line) <= LONGEST_POINT else None  # the pattern takes more than linear time


def _point(line: re.Match[str], text: str) -> str:
    return line["point"] + line["colon"].replace(":", ": ") + text


def _may_ask_back(request: Request) -> None:
    forced = request.tool_choice not in ("auto", "none")
    if forced or request.schema is not None or request.sampling.logprobs is not None:
        raise Unsupported("brief(missing=ask): the reply may be a question to the user, for which a JSON schema, "
                          "log-probabilities or a forced tool call cannot hold; leave them out, or use "
                          "missing=assume")  # fmt: skip
