"""Policies that are trained on their own replies: what is sampled, what is paid, and exact resume."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from jielong.contract import Message, Reply, Request, Scores, TokenLogprob
from jielong.errors import BadInput, EndpointGaveUp
from jielong.models.chat_template import ChatTemplate
from jielong.sync import run_sync
from jielong.tasks.load_task import load_task
from jielong.training.alignment.align_config import AlignConfig
from jielong.training.alignment.reward_front import align_front, hypervolume, non_dominated
from jielong.training.alignment.rewards import Rewards, RewardTerm, check_graders, load_scorer
from jielong.training.alignment.rollout_policy import sampled_tokens
from jielong.training.alignment.rollouts import RolloutFeed
from jielong.training.alignment.train_align import align, aligned_task, divided
from jielong.training.objectives.policy_gradient import Grpo
from jielong.training.train_config import read_config
from training.aligning import questions, settings, tiny_policy

NAN = float("nan")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("align")
    return tiny_policy(folder / "policy"), questions(folder / "questions.jsonl")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))


def config_of(world: tuple[Path, Path], out: Path, **changes: Any) -> AlignConfig:
    return AlignConfig.model_validate(settings(*world, out, **changes))


def digest(config: AlignConfig) -> str:
    return str(json.loads((config.out / "result.json").read_text())["sha256"])


def feed_of(config: AlignConfig, monkeypatch: pytest.MonkeyPatch) -> tuple[RolloutFeed, Any]:
    """The feed and the network of an alignment, caught before its first step."""
    from jielong.training.alignment import alignment_parts as alignment

    caught: dict[str, Any] = {}

    def catch(start: Any, its_config: Any, feed: Any, objective: Any, **_: Any) -> Any:
        caught.update(feed=feed, network=start.network)
        raise KeyboardInterrupt

    monkeypatch.setattr(alignment, "train_network", catch)
    with pytest.raises(KeyboardInterrupt):
        align(config)
    return caught["feed"], caught["network"]


@pytest.mark.parametrize("method", ["grpo", "rloo", "ppo"])
@pytest.mark.parametrize("adapter", [False, True])
def test_a_policy_is_trained_and_interrupted_and_ends_the_same(
    method: str, adapter: bool, world: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    changes: dict[str, Any] = {"method": method, "beta": 0.05, "rollouts": {"epochs": 2, "rounds": 2}}
    if adapter:
        pytest.importorskip("peft")
        changes["adapter"] = {"rank": 4}
    whole = config_of(world, tmp_path / "whole", **changes)
    assert align(whole).name.startswith(f"local:{world[0]}+" if adapter else "local:")
    stopped, asked = config_of(world, tmp_path / "stopped", **changes), RolloutFeed.batch

    def stop(self: RolloutFeed, step: int, network: Any) -> Any:
        if step == 3:  # in the middle of a round
            raise KeyboardInterrupt
        return asked(self, step, network)

    monkeypatch.setattr(RolloutFeed, "batch", stop)
    with pytest.raises(KeyboardInterrupt):
        align(stopped)
    monkeypatch.setattr(RolloutFeed, "batch", asked)
    align(stopped)
    assert digest(stopped) == digest(whole)
    assert digest(whole) != digest_at_start(whole)


def digest_at_start(config: AlignConfig) -> str:
    from jielong.training.network_training import load_start_network
    from jielong.training.training_checkpoint import weights_digest

    return weights_digest(load_start_network(config.start, config, 6).network)


def test_tokens_are_trained_as_they_were_sampled(
    world: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    feed, network = feed_of(config_of(world, tmp_path / "out", rollouts={"epochs": 2}), monkeypatch)
    batch, policy = feed.batch(0, network), feed._sampler.policy
    ledger_rows = [json.loads(line) for line in (tmp_path / "out/rollouts.jsonl").read_text().splitlines()]
    assert ledger_rows[0]["groups"] == 2
    tokenizer, differs = policy._chat.tokenizer, 0
    for row in range(8):
        ids = batch["input_ids"][row][batch["reply_mask"][row].bool()].tolist()
        assert 1 <= len(ids) <= 6
        differs += tokenizer.encode(tokenizer.decode(ids, skip_special_tokens=False)).ids != ids
    assert differs > 4  # nothing but the sampled tokens would do


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.4])
def test_the_policy_that_sampled_is_the_policy_that_learns(
    temperature: float, world: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    changes = {"rollouts": {"epochs": 2, "temperature": temperature}}
    feed, network = feed_of(config_of(world, tmp_path / "out", **changes), monkeypatch)
    batch = feed.batch(0, network)
    _, figures = Grpo(temperature, clip_low=1e-6, clip_high=1e-6).loss(network, batch)
    assert figures["clipped"] == 0  # every ratio is 1 before the first update


def test_what_would_sample_from_another_policy_is_no_setting(world: tuple[Path, Path], tmp_path: Path):
    for name in ("top_p", "top_k", "stop"):
        with pytest.raises(ValueError, match=name):
            config_of(world, tmp_path / "out", rollouts={name: 1})


class Graded:
    """A scorer that gives these values in turn."""

    calls = 0

    def __init__(self, values: Sequence[float | None]) -> None:
        self._values = list(values)

    async def score(self, request: Request, replies: Sequence[Reply]) -> Scores:
        values, self._values = self._values[: len(replies)], self._values[len(replies) :]
        return Scores(tuple(values))


def rewards_by(world: tuple[Path, Path], *graders: Any, **settings: Any) -> Rewards:
    task, waiting = load_task(str(world[1]), rule="contains"), iter(graders)
    return Rewards(
        [RewardTerm(by=f"scorer {i}") for i in range(len(graders))], task, lambda _: next(waiting), **settings
    )


def graded(rewards: Rewards, world: tuple[Path, Path], *replies: Reply) -> list[float | None]:
    item = load_task(str(world[1]), rule="contains").items[0]
    return [grade.total for grade in run_sync(rewards.grade, item, item.request(), list(replies))]


def reply(text: str, finish: Any = "stop") -> Reply:
    return Reply(Message("assistant", text), finish)


@pytest.mark.parametrize("bad", [None, NAN, float("inf")])
def test_one_missing_reward_leaves_the_others(bad: float | None, world: tuple[Path, Path]):
    found = graded(rewards_by(world, Graded([1.0, bad, 0.0])), world, *map(reply, "abc"))
    assert found == [1.0, None, 0.0]


def test_a_cut_off_reply_is_paid_the_worst(world: tuple[Path, Path]):
    found = graded(rewards_by(world, Graded([2.0, -3.0])), world, reply("a"), reply("b", "length"), reply("c"))
    assert found == [2.0, -3.0, -3.0]
    check = Rewards([RewardTerm()], load_task(str(world[1]), rule="contains"), load_scorer)
    assert graded(check, world, reply("e"), reply("e", "length"), reply("")) == [1.0, 0.0, 0.0]


class Broken:
    calls = 0

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def score(self, request: Request, replies: Sequence[Reply]) -> Scores:
        if self._error:
            raise self._error
        return Scores((1.0,))


@pytest.mark.faults
@pytest.mark.parametrize("error", [ValueError("a bug of its author"), EndpointGaveUp("busy")])
def test_a_grader_that_fails_leaves_its_replies_without_reward(error: Exception, world: tuple[Path, Path]):
    assert graded(rewards_by(world, Broken(error)), world, reply("a"), reply("b")) == [None, None]


def test_a_scorer_that_leaves_replies_out_is_named(world: tuple[Path, Path]):
    with pytest.raises(BadInput, match="1 grades for 2 replies"):
        graded(rewards_by(world, Broken(None)), world, reply("a"), reply("b"))


def test_an_empty_reply_is_paid_the_worst_by_a_scorer(world: tuple[Path, Path]):
    assert graded(rewards_by(world, Graded([2.0, -1.0])), world, reply("a"), reply("  "), reply("b")) == [2, -1, -1]


def test_the_token_that_ends_a_reply_is_learnt(
    world: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    feed, network = feed_of(config_of(world, tmp_path / "out", rollouts={"max_tokens": 60}), monkeypatch)
    policy = feed._sampler.policy
    policy._end = frozenset(range(0, 1792, 20))  # random weights seldom end by themselves
    batch, ended = feed.batch(0, network), 0
    for row in range(8):
        ids = batch["input_ids"][row][batch["reply_mask"][row].bool()].tolist()
        ended += ids[-1] in policy._end
        assert not policy._end & set(ids[:-1])
        assert len(ids) == 60 or ids[-1] in policy._end
    assert ended


@pytest.mark.parametrize(("combine", "total"), [("sum", 3.0), ("lowest", 0.5), ("cautious", 1.5 - 1.0)])
def test_an_ensemble_is_combined(combine: Any, total: float, world: tuple[Path, Path]):
    found = graded(rewards_by(world, Graded([0.5]), Graded([2.5]), combine=combine), world, reply("a"))
    assert found == [pytest.approx(total)]


def test_a_missing_reward_and_a_cut_off_reply_count_nowhere(
    world: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    changes = {"rollouts": {"truncated": "drop", "prompts": 3}}
    feed, network = feed_of(config_of(world, tmp_path / "out", **changes), monkeypatch)
    batch = feed.batch(0, network)
    line = json.loads((tmp_path / "out/rollouts.jsonl").read_text())
    silent = batch["reply_mask"].sum(-1) == 0
    assert line["truncated"] > 0
    assert silent.sum() >= line["truncated"]
    assert not batch["advantages"][silent].any()


@pytest.mark.parametrize(
    ("rows", "rule", "what"),
    [
        (
            [("Is it big?", "yes"), ("Is it red?", "no"), ("Is it old?", "yes"), ("Is it far?", "no")],
            "contains",
            "all answers",
        ),
        (
            [("Say cat.", "cat"), ("Say dog.", "dog"), ("Say cow.", "cow"), ("Say hen.", "hen")],
            "contains",
            "the question itself",
        ),
    ],
)
def test_a_check_that_pays_for_what_answers_nothing_is_refused(rows: Any, rule: str, what: str, tmp_path: Path):
    (tmp_path / "task.jsonl").write_text("\n".join(json.dumps({"input": a, "answer": b}) for a, b in rows))
    task = load_task(str(tmp_path / "task.jsonl"), rule=rule)
    with pytest.raises(BadInput, match=what):
        run_sync(check_graders, Rewards([RewardTerm()], task, load_scorer), task)


def test_checks_of_the_built_in_tasks_pay_for_answers_alone():
    for name in ("mini:word_problems/2", "mini:facts", "mini:reading", "mini:true_false", "mini:in_context"):
        task = load_task(name, limit=40)
        run_sync(check_graders, Rewards([RewardTerm()], task, load_scorer), task)


def test_training_and_held_out_questions_are_apart(world: tuple[Path, Path], tmp_path: Path):
    config = config_of(world, tmp_path)
    training, held_out = divided(aligned_task(config), config)
    assert len(held_out) == 2
    assert not {item.group() for item in training} & {item.group() for item in held_out}


def test_the_guard_puts_the_best_weights_back(world: tuple[Path, Path], tmp_path: Path):
    config = config_of(world, tmp_path / "out", guard={"by": "answer", "votes": 90}, beta=0.1)
    align(config)
    record = json.loads((config.out / "guard.json").read_text())
    assert [look["steps"] for look in record["looks"]] == [0, 1, 2, 3, 4]
    assert sum(d["won"] + d["lost"] + d["tied"] for d in record["duels"] + record["choices"]) <= 90
    assert record["looks"][0]["kl"] == pytest.approx(0, abs=1e-5)
    best = record["estimate"]["best"]
    again = config_of(world, tmp_path / "again", guard={"by": "answer", "votes": 90}, beta=0.1)
    align(again)
    assert digest(again) == digest(config)
    from safetensors.torch import load_file

    kept = load_file(config.out / f"guard/look-{best}/weights.safetensors")
    exported = load_file(config.out / "weights/model.safetensors")
    assert all(torch.equal(kept[name].bfloat16(), exported[name]) for name in exported)


class VllmLike(BaseHTTPRequestHandler):
    """As vLLM: adapters are loaded by name, and tokens are told as ids."""

    template: Any
    loaded: dict[str, str]
    asked: list[dict[str, Any]]
    more_prompt_tokens = 0

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("load_lora_adapter"):
            self.loaded[body["lora_name"]] = body["lora_path"]
            return self.answer({"ok": True})
        self.asked.append(body)
        question = Request(tuple(Message(m["role"], m["content"]) for m in body["messages"]))
        ids = [300 + body["seed"] % 50, 400, 2]
        tokens = [{"token": f"token_id:{i}", "logprob": -1.0, "top_logprobs": []} for i in ids]
        choice = {"index": 0, "finish_reason": "stop", "logprobs": {"content": tokens},
                  "message": {"role": "assistant", "content": "an e" if body["seed"] % 2 else "a"}}  # fmt: skip
        prompt = len(self.template.encode_request(question)) + self.more_prompt_tokens
        self.answer({"choices": [choice], "usage": {"prompt_tokens": prompt, "completion_tokens": 3},
                     "model": body["model"], "object": "chat.completion", "id": "1", "created": 1})  # fmt: skip

    def answer(self, payload: Any) -> None:
        data = json.dumps(payload).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def vllm(world: tuple[Path, Path]) -> Iterator[tuple[str, type[VllmLike]]]:
    class Handler(VllmLike):
        template, loaded, asked = ChatTemplate(world[0]), dict[str, str](), list[dict[str, Any]]()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"openai:base@http://127.0.0.1:{server.server_port}/v1", Handler
    server.shutdown()


def test_a_server_samples_each_round_from_the_adapter_of_that_round(
    vllm: tuple[str, type[VllmLike]], world: tuple[Path, Path], tmp_path: Path
):
    pytest.importorskip("peft")
    endpoint, server = vllm
    changes = {"adapter": {"rank": 2}, "rollouts": {"rounds": 2, "endpoint": endpoint}}
    config = config_of(world, tmp_path / "out", **changes)
    align(config)
    assert len(server.loaded) == 2
    assert all((Path(folder) / "adapter_model.safetensors").exists() for folder in server.loaded.values())
    assert [body["model"] for body in server.asked] == [name for name in server.loaded for _ in range(8)]
    asked = server.asked[0]
    assert (asked["top_p"], asked["top_k"], asked["temperature"], asked["logprobs"]) == (1.0, -1, 1.0, True)
    assert asked["return_tokens_as_token_ids"] is True
    assert len({body["seed"] for body in server.asked}) == 16
    again = config_of(world, tmp_path / "again", **changes)
    align(again)  # from the ledger
    assert len(server.asked) == 16
    assert digest(again) == digest(config)


def test_a_server_with_another_chat_template_is_refused(
    vllm: tuple[str, type[VllmLike]], world: tuple[Path, Path], tmp_path: Path
):
    pytest.importorskip("peft")
    endpoint, server = vllm
    server.more_prompt_tokens = 4
    config = config_of(world, tmp_path / "out", adapter={"rank": 2}, rollouts={"endpoint": endpoint})
    with pytest.raises(BadInput, match="chat template is another one"):
        align(config)


def test_replies_without_token_ids_are_refused():
    with pytest.raises(BadInput, match="ids of the tokens"):
        sampled_tokens(Reply(Message("assistant", "hello"), logprobs=(TokenLogprob("hello", -1.0),)))


GOOD = """
out = "out"
start = "mini"
[task]
source = "mini:facts"
[rollouts]
rounds = 2
max_tokens = 8
[loop]
learning_rate = 0.1
"""


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        ('[task]\nsource = "mini:facts"', "", "method = grpo samples replies: expected the sections"),
        ("rounds = 2", "rounds = 2\ntop_p = 0.9", "rollouts.top_p"),
        ("rounds = 2", "rounds = 2\nreplies = 1", "rollouts.replies: expected more than 1, found 1"),
        ("rounds = 2", "rounds = 2\ntemperature = 0", "rollouts.temperature: expected more than 0.0, found 0"),
        ("rounds = 2", "", "rollouts.rounds is missing"),
        ("rounds = 2", 'rounds = "two"', "rollouts.rounds: expected a whole number, found 'two'"),
        ("rounds = 2", 'rounds = 2\nendpoint = "localhost:8000"', "expected openai:BASE@URL"),
        ("rounds = 2", 'rounds = 2\nendpoint = "openai:x@http://localhost/v1"', r"expected a section \[adapter\]"),
        ("rounds = 2", 'rounds = 2\ntruncated = "skip"', "rollouts.truncated: expected 'worst' or 'drop'"),
        ('start = "mini"', 'start = "mini"\nmethod = "reinforce"', "method: expected"),
        ('start = "mini"', 'start = "mini"\nmethod = "dpo"', r"expected the section \[data\]"),
        ('start = "mini"', 'start = "mini"\nrewards = []', "rewards: expected at least 1 of them"),
        ('start = "mini"', 'start = "mini"\nrewards = {by = "answer"}', "rewards: expected a list, found a section"),
        ('start = "mini"', "", "start is missing"),
        ("[rollouts]", "[guard]\nvotes = 3\n[rollouts]", "guard.by is missing"),
        (
            'source = "mini:facts"',
            'source = "mini:facts"\nheld_out = 1.5',
            "task.held_out: expected less than 1.0, found 1.5",
        ),
    ],
)
def test_wrong_settings_are_told_in_one_line(line: str, instead: str, message: str, tmp_path: Path):
    assert line in GOOD
    (tmp_path / "align.toml").write_text(GOOD.replace(line, instead))
    with pytest.raises(BadInput, match=message) as found:
        read_config(tmp_path / "align.toml", AlignConfig)
    assert "\n" not in str(found.value)


def test_a_policy_for_each_weighting_and_the_front(world: tuple[Path, Path], tmp_path: Path):
    terms = [{"by": "answer"}, {"by": "exact"}]
    config = config_of(world, tmp_path / "out", rewards=terms, front=[[1, 0], [0, 1]], rollouts={"rounds": 1})
    points = align_front(config)
    assert [point.weights for point in points] == [(), (1.0, 0.0), (0.0, 1.0)]
    assert any(point.on_front for point in points)
    assert all(len(point.scores) == 2 for point in points)
    with pytest.raises(BadInput, match="expected 2 weights"):
        align_front(config_of(world, tmp_path / "out", rewards=terms, front=[[1]]))


def test_the_front_is_what_no_other_point_beats():
    points = [(0, 0), (1, 0), (0, 1), (0.5, 0.5), (0.4, 0.5), (1, 0)]
    assert non_dominated(points) == [False, True, True, True, False, True]
    assert hypervolume([(1, 0.2), (0.2, 1), (0.1, 0.1)], (0, 0)) == pytest.approx(0.2 + 0.2 * 0.8)


def test_preferences_are_learnt_by_dpo(world: tuple[Path, Path], tmp_path: Path):
    rows = [{"prompt": f"Question {i}?", "chosen": "yes", "rejected": "no"} for i in range(12)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = {"source": str(tmp_path / "pairs.jsonl"), "batch_pairs": 4, "epochs": 4, "folds": 4}
    loop = {"learning_rate": 0.01, "log_every": 1, "bf16": False, "weight_decay": 0.0}
    settings = {"out": tmp_path / "out", "start": str(world[0]), "method": "dpo", "data": data, "loop": loop}
    margins: list[float] = []
    align(AlignConfig.model_validate(settings), lambda point: margins.append(point.figures["margin"]))
    assert margins[0] == pytest.approx(0, abs=1e-6)
    assert margins[-1] > 0.1


@pytest.mark.skipif(os.environ.get("JIELONG_FULL") != "1", reason="processes that are killed ten times")
def test_killed_at_random_moments_a_policy_ends_the_same(world: tuple[Path, Path], tmp_path: Path):
    import random

    from training.killing import finished, killed

    def settings_of(name: str) -> dict[str, Any]:
        return settings(*world, tmp_path / name, guard={"by": "answer", "votes": 60}, beta=0.1)

    expected, seconds = finished("align", settings_of("alone"))
    rng = random.Random("align")
    for number in range(10):
        killed("align", settings_of(str(number)), rng.uniform(0.2, 1) * seconds)
        assert finished("align", settings_of(str(number)))[0] == expected
