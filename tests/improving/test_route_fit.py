"""A route and a cascade fitted on what models scored: calibrated, cost-aware, honest where nothing is to be gained."""

import json
import random

import anyio
import numpy as np
import pytest

from endpoint import Answer, Endpoint
from jielong.contract import Message, Request, Sampling
from jielong.errors import BadInput, EndpointGaveUp, EndpointUnfit
from jielong.improving.cascade_fit import CascadeData, fit_cascade
from jielong.improving.logistic_regression import logistic_regression, predicted
from jielong.improving.model_choice import Fitting, choose_by_cascade, choose_by_route
from jielong.improving.route_curve import area, hull_at, routed
from jielong.improving.route_fit import RouteData, fit_route
from jielong.models.scripted import Scripted
from jielong.recipe import load
from jielong.tasks.item import Item
from jielong.tasks.metric import number
from jielong.tasks.task import Task
from jielong.techniques.cooperate.cascade import cascade
from jielong.techniques.cooperate.route import embedded, route
from jielong.techniques.cooperate.route_file import Router, surface

WORDS = "apple river stone cloud table window garden summer winter paper market bridge ship train forest".split()


def questions(n: int, prefix: str = "", seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts, and which of them are hard: those about numbers, which the weak model gets wrong."""
    rng = random.Random(seed)
    texts, hard = [], []
    for _ in range(n):
        hard.append(rng.random() < 0.5)
        numbers = f"{rng.randrange(100, 999)} × {rng.randrange(100, 999)}"
        texts.append(f"{prefix}{' '.join(rng.choices(WORDS, k=rng.randrange(4, 12)))} {numbers if hard[-1] else ''}")
    return texts, np.array(hard)


def data(texts, scores, costs=(1.0, 10.0), vectors=None) -> RouteData:
    n, names = len(texts), tuple(f"m{i}" for i in range(len(costs)))
    clusters = [str(i) for i in range(n)]
    return RouteData("t", names, texts, scores, np.tile(costs, (n, 1)), "tokens", clusters, (), "wordllama", vectors)


def scores_of(hard, seed=1):
    chance = np.random.default_rng(seed).random((len(hard), 2))
    return (chance < np.stack([np.where(hard, 0.2, 0.9), np.full(len(hard), 0.9)], axis=1)).astype(float)


def test_logistic_regression_is_the_minimum():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    y = (rng.random(300) < predicted(x, np.array([[1.0, -2.0, 0.0, 0.5, 0.3]]))[:, 0]).astype(float)
    weights = logistic_regression(x, y, 0.01)
    p = predicted(x, weights[None])[:, 0]
    gradient = np.append(x.T @ (p - y) / 300 + 0.01 * weights[:-1], (p - y).mean())
    assert np.abs(gradient).max() < 1e-4
    assert np.isfinite(logistic_regression(x, np.ones(300), 0.01)).all()  # all right: no end without a penalty


def test_it_learns_who_answers_what_and_is_calibrated():
    texts, hard = questions(400)
    fit = fit_route(data(texts, scores_of(hard)))
    new, new_hard = questions(400, seed=9)
    chances = Router(fit.file).probabilities(np.array([surface(text) for text in new]))
    assert chances[new_hard, 0].mean() == pytest.approx(0.2, abs=0.08)
    assert chances[~new_hard, 0].mean() == pytest.approx(0.9, abs=0.08)
    chosen = Router(fit.file).choose(chances, 0.02)
    assert (chosen == new_hard).mean() > 0.95


@pytest.mark.parametrize(
    "prefix", ["", "You are a careful assistant. Think before you answer, and answer briefly. " * 12]
)
def test_hard_questions_are_not_all_scored_alike(prefix):
    """Not even below a long instruction that all of them share."""
    texts, hard = questions(300, prefix)
    vectors = anyio.run(embedded, "wordllama", texts)
    fit = fit_route(data(texts, scores_of(hard), vectors=vectors))
    new, new_hard = questions(200, prefix, seed=7)
    new_vectors = anyio.run(embedded, "wordllama", new) if fit.file.embedder else None
    chances = Router(fit.file).probabilities(np.array([surface(text) for text in new]), new_vectors)
    assert len({round(chance, 4) for chance in chances[new_hard, 0]}) > 30
    assert chances[~new_hard, 0].min() > chances[new_hard, 0].max()


def test_where_all_questions_are_hard_their_shares_can_still_be_chosen():
    texts, _ = questions(300)
    rng = np.random.default_rng(0)
    fit = fit_route(data(texts, (rng.random((300, 2)) < (0.1, 0.9)).astype(float)))
    costs = np.tile((1.0, 10.0), (300, 1))
    shares = {round(routed(fit.unseen, costs, costs, w)[1].mean(), 2) for w in np.linspace(0, 0.2, 200)}
    assert fit.method == "means" or len(shares) > 3


def test_questions_unlike_any_of_the_fit_get_no_extreme_chances():
    texts, hard = questions(300)
    router = Router(fit_route(data(texts, scores_of(hard))).file)
    strange = ["", "？", "9" * 100_000, "\n" * 50_000, "A" * 3_000, "한국어 질문", "<|endoftext|>" * 400]
    chances = router.probabilities(np.array([surface(text) for text in strange]))
    assert ((chances > 0.001) & (chances < 0.999)).all()


def test_a_question_s_cluster_is_never_on_both_sides():
    """Each question ten times: a fit that had seen it would look as if it knew."""
    rng = np.random.default_rng(3)
    base, _ = questions(40)
    texts = [text for text in base for _ in range(10)]
    scores = np.repeat(rng.integers(0, 2, (40, 2)), 10, axis=0).astype(float)
    vectors = anyio.run(embedded, "wordllama", texts)
    own = data(texts, scores, vectors=vectors)
    fit = fit_route(RouteData(**{**own.__dict__, "clusters": texts}))
    (gain, (_, _)) = area([fit.unseen], scores, own.costs, draws=0)[0]
    assert abs(gain) < 0.12


def test_equal_models_are_no_gain_and_the_cheaper_one_is_used():
    texts, _ = questions(200)
    same = np.random.default_rng(0).integers(0, 2, (200, 1)).astype(float)
    fit = fit_route(data(texts, np.hstack([same, same])))
    assert (
        routed(fit.unseen, np.hstack([same, same]), np.tile((1.0, 10.0), (200, 1)), fit.file.cost_weight)[1].mean() == 1
    )


@pytest.mark.parametrize("target", [{"accuracy": 0.7}, {"cost": 4.0}])
def test_targets(target):
    texts, hard = questions(400)
    scores, costs = scores_of(hard), np.tile((1.0, 10.0), (400, 1))
    fit = fit_route(data(texts, scores), **target)
    score, cost = routed(fit.unseen, scores, costs, fit.file.cost_weight)
    if "accuracy" in target:
        assert score.mean() == pytest.approx(0.7, abs=0.03)
    else:
        assert 3 < cost.mean() <= 4


def test_too_few_items():
    texts, hard = questions(5)
    with pytest.raises(BadInput, match="5 items"):
        fit_route(data(texts, scores_of(hard)))


def test_the_hull_is_the_best_mixing():
    accuracy, cost = np.array([0.5, 0.55, 0.9, 0.8]), np.array([1.0, 2.0, 3.0, 5.0])
    assert hull_at(np.array([1.0, 2.0, 3.0, 5.0]), accuracy, cost) == pytest.approx([0.5, 0.7, 0.9, 0.9])


def expert(kind: str) -> Scripted:
    """Knows everything about one thing; its word elsewhere is wrong."""
    return Scripted(lambda r: "4" if kind in r.messages[-1].text else "5", name=f"scripted:{kind}", identity=kind)


def experts_task(n: int = 90, seed: int = 0) -> Task:
    kinds, rng = ("cooking", "sailing", "gardening"), random.Random(seed)
    texts = [
        f"About {kinds[i % 3]}, the {rng.choice(WORDS)} and the {rng.choice(WORDS)} {i}: how many?" for i in range(n)
    ]
    return Task(
        "experts", tuple(Item(str(i), text, ("4",)) for i, text in enumerate(texts)), number, "as it is", "here"
    )


def test_experts_are_found_and_a_refit_asks_nobody(tmp_path):
    models = [expert(kind) for kind in ("cooking", "sailing", "gardening")]
    fitting = Fitting(ledger=tmp_path / "ledger.db")
    for calls in (90, 90):  # the second time the ledger knows the replies
        choice, fitted = anyio.run(choose_by_route, experts_task(), models, tmp_path / "r.json", fitting, "wordllama")
        assert [len(model.requests) for model in models] == [calls] * 3
    assert choice.accuracy > 0.9
    assert choice.pays
    assert [round(model.share, 1) for model in choice.models] == [0.3, 0.3, 0.3]
    file = tmp_path / "r.json"
    file.write_text(fitted.file.model_dump_json())
    assert json.loads(file.read_text())["models"][0]["name"] == "scripted:cooking"


def test_models_of_one_ability_and_what_does_not_pay(tmp_path):
    models = [Scripted("4", name="scripted:a"), Scripted("4 ", name="scripted:b", identity="b")]
    fitting = Fitting(ledger=tmp_path / "ledger.db")
    choice, _ = anyio.run(choose_by_route, experts_task(), models, tmp_path / "r.json", fitting, None)
    assert not choice.pays
    with pytest.raises(BadInput, match="two different models"):
        anyio.run(choose_by_route, experts_task(), models[:1], tmp_path / "r.json", fitting, None)


def cascade_data(scores, costs, sure) -> CascadeData:
    every = np.tile(costs, (len(scores), 1))
    return CascadeData(scores, every, every, sure, [str(i) for i in range(len(scores))])


def test_thresholds_of_a_cascade():
    """The first stage is right when it is surer than .6; each is fitted on one half and judged on the other."""
    rng = np.random.default_rng(0)
    sure = rng.random((200, 1))
    scores = np.hstack([(sure > 0.6).astype(float), np.ones((200, 1))])
    fit = fit_cascade(cascade_data(scores, (1.0, 10.0), sure))
    assert fit.thresholds[0] == pytest.approx(0.6, abs=0.03)
    assert fit.score.mean() > 0.98
    assert fit.cost.mean() == pytest.approx(1 + 10 * 0.6, abs=0.6)


def test_a_stage_that_does_not_pay_is_left_out():
    """The first knows nothing and is sure of it; between the others nothing is to be gained."""
    scores = np.tile((0.0, 1.0, 1.0), (60, 1))
    data = cascade_data(scores, (1.0, 2.0, 9.0), np.full((60, 2), 0.5))
    assert fit_cascade(data).stages == (1,)
    assert fit_cascade(data, leave_out="not the last").stages == (1, 2)
    assert fit_cascade(data, leave_out="none").stages == (0, 1, 2)
    assert fit_cascade(data).cost.mean() == 2


def test_a_cascade_is_fitted_and_a_refit_asks_nobody(tmp_path):
    def weak(request):
        return "4" if "cooking" in request.messages[-1].text else str(request.sampling.seed % 1000 + 10)

    first, second = Scripted(weak, name="scripted:a"), Scripted("It is 4 " * 40, name="scripted:b", identity="b")
    fitting = Fitting(ledger=tmp_path / "ledger.db")
    choice = anyio.run(choose_by_cascade, experts_task(), first | cascade(models=[second]), fitting)
    assert choice.pays
    assert choice.accuracy > 0.95
    assert "threshold=" in choice.recipe
    asked = len(first.requests), len(second.requests)
    anyio.run(choose_by_cascade, experts_task(), first | cascade(models=[second]), fitting)
    assert (len(first.requests), len(second.requests)) == asked
    with pytest.raises(BadInput, match="ends in cascade"):
        anyio.run(choose_by_cascade, experts_task(), load("mini | cot"), fitting)


def test_the_names_that_endpoints_answered_under_are_in_the_file(tmp_path):
    """One model was redirected already when the route was fitted: it is known by what answered, and said."""
    names = {"old-model": "new-model", "b": "b"}

    def behave(body, n):
        return Answer("4" if n % 2 else "5", model=names[body["model"]])

    with Endpoint(behave) as endpoint:
        models = [load(f"vllm:{name}@{endpoint.url}") for name in names]
        fitting, file = Fitting(ledger=tmp_path / "ledger.db"), tmp_path / "r.json"
        for _ in range(2):  # the second time from the ledger
            choice, fitted = anyio.run(choose_by_route, experts_task(30), models, file, fitting, None)
            assert [model.answered_as for model in fitted.file.models] == [("new-model",), ("b",)]
            assert any("answered as new-model" in note for note in choice.notes)
        file.write_text(fitted.file.model_dump_json())
        routed_model = models[0] | route(models=models[1:], file=file)
        request = Request((Message("user", "How many?"),), Sampling(seed=1))
        assert anyio.run(routed_model.generate, request).text in ("4", "5")
        names.update({"old-model": "newest-model", "b": "c"})
        with pytest.raises(EndpointUnfit, match="now answers as"):
            anyio.run(routed_model.generate, request)


def test_what_a_model_lost_is_left_out_and_too_much_of_it_is_an_error(tmp_path):
    def at_times(share):
        def reply(request):
            if random.Random(request.messages[-1].text).random() < share:
                raise EndpointGaveUp("no")
            return "4"

        return Scripted(reply, name="scripted:lossy", identity=f"lossy {share}")

    fitting = Fitting(ledger=tmp_path / "ledger.db")
    choice, _ = anyio.run(
        choose_by_route, experts_task(), [expert("sailing"), at_times(0.03)], tmp_path / "r", fitting, None
    )
    assert 0 < choice.lost < 6
    with pytest.raises(BadInput, match="nothing is fitted"):
        anyio.run(choose_by_route, experts_task(), [expert("sailing"), at_times(0.5)], tmp_path / "r", fitting, None)
