"""A user's file that uses every public name as its documentation says: type checkers read it, nobody runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jielong
from jielong import (
    Delta,
    Message,
    Model,
    Reply,
    Request,
    Sampling,
    Scripted,
    Source,
    TrainConfig,
    Usage,
    adds_input,
    adds_output,
    best_of_n,
    brief,
    budget,
    cascade,
    context,
    cot,
    critique_by,
    debate,
    delegate,
    evaluate,
    few_shot,
    final_call,
    finetune,
    gather,
    graph_of_thoughts,
    improve,
    instruct,
    least_to_most,
    load,
    load_task,
    mixture_of_agents,
    options,
    outline,
    persona,
    plan_and_solve,
    premise,
    pretrain,
    program_of_thought,
    react,
    reflexion,
    retrieve,
    route,
    search_prompts,
    self_check,
    self_consistency,
    self_refine,
    serve,
    spell,
    team,
    tools,
    tree_of_thoughts,
    use_ledger,
)


@adds_input
def shout(request: Request, *, mark: str = "!") -> Request:
    """The question with a mark at its end."""
    return request.follow_up(Message("user", mark))


@adds_output(calls=lambda model, n=2: n * model + model)
async def summed_up(model: Model, request: Request, *, n: int = 2) -> Reply:
    """Several replies, summed up."""
    samples = await gather(model, [request.with_sampling(temperature=0.8)] * n)
    texts = [sample.text for sample in samples if isinstance(sample, Reply)]
    return await final_call(model, request.side_request(Message("user", "\n".join(texts))))


def weather(city: str) -> str:
    """The weather of a city now."""
    return f"Sun over {city}."


def models() -> Sequence[Model]:
    base = load("mini")
    return [
        base | cot | self_consistency(n=8),
        base | cot(wording="logically") | best_of_n(n=4, scorer=base),
        base | spell(kind="emotion") | persona(role="a careful teacher") | premise(text="It is Monday."),
        base | instruct(text="Answer in one word.") | options(temperature=0.0, max_tokens=64),
        base | few_shot(examples=(("1 + 1", "2"),)) | context(files=(Path("notes.md"),)),
        base | few_shot(file=Path("examples.jsonl"), select="knn") | retrieve(index="notes", k=3, mark=True),
        base | self_check | self_refine(rounds=2) | critique_by(model=base),
        base | plan_and_solve | least_to_most | outline(n=3) | brief,
        base | reflexion(signal=base, rounds=1) | program_of_thought,
        base | tools(use=[weather, "calculator"]) | shout(mark="?"),
        base | react(use=weather) | summed_up(n=3),
        base | tree_of_thoughts(breadth=2, depth=2) | graph_of_thoughts,
        base | delegate(models=[base, base | cot], descriptions=["short answers", "reasons"]),
        base | debate(models=[base, base | cot], judge=base, rounds=1) | team(worker=base, rounds=2),
        base | mixture_of_agents(models=[base, base | cot], layers=2),
        base | cascade(models=[base | cot], accept="own_word", threshold=0.9),
        base | route(models=[base | cot], file=Path("route.json")),
        base | budget(calls=100),
        Scripted("Answer: 4", name="always four"),
    ]


async def stream(model: Model) -> str:
    text = ""
    request = Request((Message("user", "What is 2 + 2?"),), Sampling(temperature=0.7, seed=1))
    async with model.stream(request) as events:
        async for event in events:
            if isinstance(event, Delta):
                text += event.text
    reply = await model.generate(request)
    usage: Usage = reply.usage
    cited: tuple[Source, ...] = reply.sources
    return f"{text} ({usage.calls} calls, {[source.document for source in cited]})"


def trained(config: TrainConfig) -> Model:
    return finetune(config) if config.start else pretrain(config)


def main() -> None:
    model = load("mini | cot")
    answer: str = model.ask("What is 2 + 2?", max_tokens=20)
    print(jielong.__version__, answer, load(model.name).name)
    task = load_task("mini:word_problems", limit=40)
    with use_ledger(Path("ledger.db")), budget(usd=1.0, tokens=100_000):
        report = evaluate(task, *models())
        print(report.to_json())
        result = improve("mini:word_problems", "mini", limit=80)
        print(result.verdict.recipe)
        print(search_prompts(task, model))
    serve("mini", model, port=8100, allow=["mini"])


if __name__ == "__main__":
    main()
