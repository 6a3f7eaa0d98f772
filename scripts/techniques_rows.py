"""What docs/techniques.md measures: a line for each technique, on the task of mini's world that fits it.

`base` is what the technique is put around, and the plain model that it is compared with. A base of `scripted:NAME` is a
function of techniques_scripted.py: where mini cannot do what a technique asks, a scripted model shows what it does.
"""

from __future__ import annotations

from dataclasses import dataclass

from jielong.recipe import parse

STEPWISE = "mini | options(temperature=1.0) | cot"
GAME = "mini | options(temperature=0.7)"  # where the plain rival draws its samples best


@dataclass(frozen=True)
class Row:
    step: str  # the technique with its options, as a recipe writes it
    task: str
    base: str = "mini"
    items: int = 50
    checks: bool = False  # it checks its own answers by the rules, so the best of k, checked alike, is beside it

    @property
    def technique(self) -> str:
        return parse(f"model | {self.step}").steps[-1].name


DOCUMENTS = "build/never_told"  # techniques_documents.py writes them
PLAIN = "form=plain, attribute=true"
SPELLED = "mini:word_problems/1"
ONE_STEP = 'samples=6, propose="Numbers: {numbers}. Target: 24. Write one next step."'
SQUARE = "game=crosswords, breadth=6, depth=10, k=6, visits=60"
ROUTE = "build/route_of_experts.json"  # techniques_route.py writes it
EXPERTS = "[scripted:chemist, scripted:historian, scripted:botanist]"
SOLVERS = f"[{STEPWISE}, {STEPWISE}, mini | program_of_thought]"
ROWS = (
    Row("cot", "mini:word_problems/3"),
    Row("cot(wording=work_on_it)", "mini:word_problems/3"),
    Row("spell(kind=emotion)", SPELLED),
    Row("spell(kind=reward)", SPELLED),
    Row("spell(kind=penalty)", SPELLED),
    Row("spell(kind=abrakadabra)", SPELLED),
    Row('persona(role="a careful teacher of mathematics")', SPELLED),
    Row('premise(text="All shops are open today.")', SPELLED),
    Row('instruct(text="Write one Python expression that computes the answer.", place=after)', "mini:word_problems/3"),
    Row('few_shot(examples=[["Tom has 3 pens and buys 4. How many now?", "7"]])', SPELLED),
    Row(f"context(files=[{DOCUMENTS}], k=5, {PLAIN})", "mini:unseen_facts"),
    Row(f"retrieve(index=never-told, k=5, {PLAIN})", "mini:unseen_facts"),
    Row("program_of_thought", "mini:word_problems/3"),
    Row("brief", SPELLED),
    Row("brief", "descriptions", "scripted:clerk"),
    Row("plan_and_solve", "mini:word_problems/3"),
    Row("plan_and_solve(kind=ps)", "mini:word_problems/3"),
    Row("plan_and_solve", "five_steps", "scripted:solver"),
    Row("least_to_most(n=3)", "mini:word_problems/2"),
    Row("least_to_most", "five_steps", "scripted:solver"),
    Row("outline(n=3)", "mini:word_problems/2"),
    Row("outline", "essays", "scripted:writer"),
    Row("outline(order=in_turn)", "essays", "scripted:writer"),
    Row("tools", "mini:word_problems/3"),
    Row("react", "mini:word_problems/3"),
    Row("self_consistency(n=8)", "mini:word_problems/5", STEPWISE),
    Row("best_of_n(n=4)", "mini:word_problems/5", STEPWISE),
    Row("self_check(mode=same_turn)", "mini:word_problems/5", STEPWISE),
    Row("self_check(mode=fresh)", "mini:word_problems/5", STEPWISE),
    Row("self_refine", "mini:word_problems/5", STEPWISE),
    Row("critique_by(model=mini)", "mini:word_problems/5", STEPWISE),
    Row("critique_by(model=scripted:critic)", "five_steps", "scripted:solver"),
    Row("reflexion(signal=mini)", "mini:word_problems/5", STEPWISE),
    Row("reflexion(signal=scripted:critic)", "five_steps", "scripted:solver"),
    *(
        Row(step, "subjects", "scripted:generalist", 150)
        for step in (
            f"delegate(models={EXPERTS}, descriptions=[chemistry, history, botany])",
            f"debate(models={EXPERTS})",
            f"mixture_of_agents(models={EXPERTS})",
            "team",
        )
    ),
    *(
        Row(step, "mini:word_problems/5", STEPWISE)
        for step in (
            f'delegate(models={SOLVERS}, descriptions=["reasons in steps", "reasons in steps", "writes a program"])',
            f"debate(models={SOLVERS})",
            f"mixture_of_agents(models={SOLVERS})",
            "team",
        )
    ),
    Row(f"route(models={EXPERTS}, file={ROUTE})", "subjects", "scripted:generalist", 150),
    Row(f"cascade(models={EXPERTS})", "subjects", "scripted:generalist", 150),
    Row("cascade(models=[mini | cot | self_consistency(n=8)], accept=logprob)", "mini:word_problems/5", "mini | cot"),
    Row("tree_of_thoughts", "mini:word_problems/2"),
    Row("graph_of_thoughts", "mini:word_problems/2"),
    Row("tree_of_thoughts(game=game24)", "mini:game24", "scripted:player", 100, checks=True),
    Row("tree_of_thoughts(game=game24, judge=random)", "mini:game24", "scripted:player", 100, checks=True),
    Row("tree_of_thoughts(strategy=dfs, game=game24)", "mini:game24", "scripted:player", 100, checks=True),
    Row("tree_of_thoughts(strategy=mcts, game=game24)", "mini:game24", "scripted:player", 100, checks=True),
    Row(f"tree_of_thoughts(strategy=dfs, {SQUARE})", "crosswords", "scripted:friend", 40, checks=True),
    Row(f"tree_of_thoughts(strategy=dfs, {SQUARE}, judge=random)", "crosswords", "scripted:friend", 40, checks=True),
    Row(f"tree_of_thoughts({ONE_STEP}, game=game24)", "mini:game24", GAME, 100, checks=True),
    Row(f"tree_of_thoughts({ONE_STEP}, game=game24, judge=random)", "mini:game24", GAME, 100, checks=True),
    Row("tree_of_thoughts(game=game24)", "mini:game24", GAME, 100, checks=True),
    Row("tree_of_thoughts(game=game24, judge=random)", "mini:game24", GAME, 100, checks=True),
    Row("tree_of_thoughts(strategy=dfs, game=game24)", "mini:game24", GAME, 100, checks=True),
    Row("tree_of_thoughts(strategy=mcts, game=game24)", "mini:game24", GAME, 100, checks=True),
)
