"""jielong 接龙: one handle for language models. The names below are loaded when they are first used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if sys.argv[:1] == ["-m"] and __name__ in sys.orig_argv and not sys.flags.safe_path:
    # `python -m jielong` looks into the working directory first: a json.py there, of whatever project, would run.
    del sys.path[0]

from .registry import BUILT_IN, resolve

if TYPE_CHECKING:
    from .contract import Message as Message
    from .contract import Model as Model
    from .contract import Reply as Reply
    from .contract import Request as Request
    from .contract import Sampling as Sampling
    from .contract import Source as Source
    from .contract import Usage as Usage
    from .events import Delta as Delta
    from .improving.improve import improve as improve
    from .improving.prompt_search.search_prompts import search_prompts as search_prompts
    from .measuring.evaluate import evaluate as evaluate
    from .models.scripted import Scripted as Scripted
    from .recipe import load as load
    from .runtime.budget import budget as budget
    from .runtime.ledger import use_ledger as use_ledger
    from .serving.serve import serve as serve
    from .tasks.load_task import load_task as load_task
    from .technique import adds_input as adds_input
    from .technique import adds_output as adds_output
    from .technique import final_call as final_call
    from .technique import gather as gather
    from .techniques.best_of_n import best_of_n as best_of_n
    from .techniques.brief import brief as brief
    from .techniques.context import context as context
    from .techniques.cooperate.cascade import cascade as cascade
    from .techniques.cooperate.debate import debate as debate
    from .techniques.cooperate.delegate import delegate as delegate
    from .techniques.cooperate.mixture_of_agents import mixture_of_agents as mixture_of_agents
    from .techniques.cooperate.route import route as route
    from .techniques.cooperate.team import team as team
    from .techniques.decompose import least_to_most as least_to_most
    from .techniques.decompose import outline as outline
    from .techniques.decompose import plan_and_solve as plan_and_solve
    from .techniques.few_shot import few_shot as few_shot
    from .techniques.program_of_thought import program_of_thought as program_of_thought
    from .techniques.prompting import cot as cot
    from .techniques.prompting import instruct as instruct
    from .techniques.prompting import options as options
    from .techniques.prompting import persona as persona
    from .techniques.prompting import premise as premise
    from .techniques.prompting import spell as spell
    from .techniques.reflexion import reflexion as reflexion
    from .techniques.retrieve import retrieve as retrieve
    from .techniques.search.graph_of_thoughts import graph_of_thoughts as graph_of_thoughts
    from .techniques.search.tree_of_thoughts import tree_of_thoughts as tree_of_thoughts
    from .techniques.self_check import critique_by as critique_by
    from .techniques.self_check import self_check as self_check
    from .techniques.self_check import self_refine as self_refine
    from .techniques.self_consistency import self_consistency as self_consistency
    from .techniques.tools.tool_loop import react as react
    from .techniques.tools.tool_loop import tools as tools
    from .training.pretrain_and_finetune import finetune as finetune
    from .training.pretrain_and_finetune import pretrain as pretrain
    from .training.train_config import TrainConfig as TrainConfig

__version__ = "0.1.0"

_PLACES = {
    "contract": "Message Model Reply Request Sampling Source Usage",
    "events": "Delta",
    "improving.improve": "improve",
    "improving.prompt_search.search_prompts": "search_prompts",
    "measuring.evaluate": "evaluate",
    "models.scripted": "Scripted",
    "recipe": "load",
    "runtime.ledger": "use_ledger",
    "serving.serve": "serve",
    "tasks.load_task": "load_task",
    "technique": "adds_input adds_output final_call gather",
    "training.pretrain_and_finetune": "finetune pretrain",
    "training.train_config": "TrainConfig",
}
_WHERE = {name: f"jielong.{place}:{name}" for place, names in _PLACES.items() for name in names.split()}
_WHERE |= BUILT_IN["techniques"]

__all__ = [*_WHERE, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'jielong' has no attribute {name!r}")
    return resolve(_WHERE[name])


def __dir__() -> list[str]:
    return __all__
