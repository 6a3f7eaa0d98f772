"""Adapters in figures: what a merge changes, and what rows with different adapters cost in one batch, beside PEFT's.

    python benchmarks/adapters.py DATA_FOLDER

DATA_FOLDER holds `tiny_lm_stories260K`. The adapters are random, of rank 8 on all linear layers, on stories260K and on
mini. PEFT's own way is `generate(adapter_names=…)` of transformers, the same prompts and tokens in the same process, in
turn. What the JSON already has is not measured again.
"""

from __future__ import annotations

import json
import runpy
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import peft
import torch
from common import RESULTS, ROOT, write

from jielong import Message, Request, Sampling, load
from jielong.models.local.checkpoint_folder import MINI, open_checkpoint
from jielong.models.local.transformers_engine import load_module
from jielong.training.adapters import add_adapter, export_adapter
from jielong.training.merge import merge_adapter
from jielong.training.train_config import AdapterConfig

ROWS, TOKENS, RUNS = 16, 48, 3
NAMES = ("a", "b")


def adapters(base: Path, folder: Path) -> dict[str, Path]:
    for seed, name in enumerate(NAMES):
        network = add_adapter(load_module(open_checkpoint(str(base))), AdapterConfig(rank=8), seed)
        with torch.no_grad():
            for parameter in network.parameters():
                if parameter.requires_grad:
                    parameter += 0.03 * torch.randn_like(parameter)
        export_adapter(network, str(base), folder / name)
    return {name: folder / name for name in NAMES}


def merges(base: Path, adapter: Path, folder: Path) -> dict[str, Any]:
    found = {}
    for dtype in ("float32", "bfloat16"):
        result = merge_adapter(f"{base}+{adapter}", folder / dtype, dtype)  # type: ignore[arg-type]
        found[dtype] = {"effect": result.effect, "difference": result.difference}
    return found


def ours(recipes: list[str], number: int) -> float:
    """Tokens a second of the processor, of `ROWS` requests at once that take turns among the recipes."""
    models = [load(recipe) for recipe in recipes]

    async def all_at_once() -> int:
        tokens = [0]

        async def ask(row: int) -> None:
            request = Request((Message("user", f"{number} {row}"),), Sampling(max_tokens=TOKENS, temperature=0))
            reply = await models[row % len(models)].generate(request)
            tokens[0] += reply.usage.output_tokens

        async with anyio.create_task_group() as group:
            for row in range(ROWS):
                group.start_soon(ask, row)
        return tokens[0]

    started = time.process_time()
    return anyio.run(all_at_once) / (time.process_time() - started)


def with_peft(network: Any, names: list[str], number: int) -> float:
    prompts = torch.arange(ROWS)[:, None] + torch.tensor([[5, number]])
    wanted = {"max_new_tokens": TOKENS, "min_new_tokens": TOKENS, "do_sample": False, "pad_token_id": 1}
    adapter_names = {"adapter_names": [names[row % len(names)] for row in range(ROWS)]} if names else {}
    started = time.process_time()
    with torch.inference_mode():
        network.generate(input_ids=prompts, **wanted, **adapter_names)
    return ROWS * TOKENS / (time.process_time() - started)


def speeds(base: Path, folders: dict[str, Path]) -> dict[str, Any]:
    peers = load_module(open_checkpoint(str(base)))
    for name, folder in folders.items():
        loaded = isinstance(peers, peft.PeftModel)
        peers = peft.PeftModel.from_pretrained(peers, folder, name) if not loaded else peers
        if loaded:
            peers.load_adapter(folder, name)
    one, two = [f"local:{base}+{folders['a']}"], [f"local:{base}+{folders[name]}" for name in NAMES]
    ways: dict[str, Callable[[int], float]] = {
        "ours, base": lambda n: ours([f"local:{base}"], n),
        "ours, one adapter": lambda n: ours(one, n),
        "ours, two in turn": lambda n: ours(two, n),
        "PEFT, one adapter": lambda n: with_peft(peers.eval(), ["a"], n),
        "PEFT, two in turn": lambda n: with_peft(peers.eval(), list(NAMES), n),
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(RUNS + 1):
        for way, measure in ways.items():
            found[way].append(measure(number))
    return {way: round(median(values[1:])) for way, values in found.items()}


def main() -> None:
    torch.set_num_threads(1)
    file = RESULTS / "adapters.json"
    figures: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        stories = Path(temporary) / "stories"
        runpy.run_path(str(ROOT / "examples" / "stories260k_to_hf.py"))["main"](
            Path(sys.argv[1]) / "tiny_lm_stories260K", stories
        )
        for name, base in (("stories260K", stories), ("mini", MINI)):
            its = figures.setdefault(name, {})
            folder = Path(temporary) / name / "adapters"
            folders = adapters(base, folder)
            its["bytes of an adapter"] = (folders["a"] / "adapter_model.safetensors").stat().st_size
            if "merge" not in its:
                its["merge"] = merges(base, folders["a"], folder / "merged")
            # mini ends its replies early, which PEFT's rows do not
            if name != "mini" and "tokens a second of the processor" not in its:
                its["tokens a second of the processor"] = speeds(base, folders)
            write("adapters", figures, quiet=True)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
