"""The report as a person meets it: opened in a browser, read, copied from."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from browser import browser
from improving.asked import HOSTILE, asked
from jielong.contract import Usage
from jielong.improving.improve_result import ImproveResult, Verdict
from jielong.reporting.charts import Dot, Whisker, quality_against_cost, whiskers
from jielong.reporting.improve.report_page import write_page
from jielong.reporting.improve.verdict_text import verdict_sentences
from jielong.reporting.recipe_rows import final_rows, front
from jielong.reporting.wording import plain_text, words

CHARTS = """return [...document.querySelectorAll('figure.chart')].map(chart => {
  const shown = [...chart.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0);
  const box = shown[0].getBoundingClientRect();
  return [shown.length, box.width, box.height, shown[0].querySelectorAll('*').length] })"""
FOLDED = "document.querySelectorAll('details').forEach(each => each.open = true)"
WIDER = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def outcome(tmp_path: Path) -> ImproveResult:
    return await asked(tmp_path)


@pytest.mark.anyio
async def test_a_browser_finds_nothing_to_complain_about(outcome: ImproveResult, tmp_path: Path):
    with browser(tmp_path / "profile") as opened:
        for language in ("en", "zh"):
            file = tmp_path / f"report-{language}.html"
            write_page(outcome, file, language)
            assert file.stat().st_size < 1_000_000
            for width, scheme in ((1280, "light"), (390, "dark")):
                opened.open(file, width=width, scheme=scheme)
                opened.run(FOLDED)
                charts = opened.run(CHARTS)
                assert len(charts) == 3  # intervals of the final, quality against cost, intervals of the search
                assert all(n == 1 and w > 300 and h > 60 and parts > 20 for n, w, h, parts in charts), charts
                assert opened.run(WIDER) == 0
                assert opened.driver.title != "taken"
                assert opened.complaints() == []
                assert [url for url in opened.asked() if not url.startswith((file.as_uri(), "data:"))] == []


@pytest.mark.anyio
async def test_light_and_dark_are_two_pages_of_readable_contrast(outcome: ImproveResult, tmp_path: Path):
    write_page(outcome, tmp_path / "report.html", "en")
    colours = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    with browser(tmp_path / "profile") as opened:
        seen = {}
        for scheme in ("light", "dark"):
            opened.open(tmp_path / "report.html", scheme=scheme)
            ink, paper = ([int(n) for n in re.findall(r"\d+", c)[:3]] for c in opened.run(colours))
            seen[scheme] = sum(paper) - sum(ink)
    assert seen["light"] > 500
    assert seen["dark"] < -500


def text_of(file: Path) -> str:
    return unescape(re.sub(r"<[^>]+>", "", file.read_text("utf-8")))


@pytest.mark.anyio
async def test_it_says_what_was_found_and_shows_what_was_said(outcome: ImproveResult, tmp_path: Path):
    file = tmp_path / "report.html"
    write_page(outcome, file, "en")
    text = text_of(file)
    assert "cot helps: 100.0% correct on new questions, up from 25.0%" in text
    assert "75.0 points above the baseline scripted:test" in text
    assert "eliminated after round 2: no better than cot, which is cheaper" in text
    assert "On 15 of 20 new questions the recipes did not all get the same score." in text
    assert "sent 3 times" not in text  # the recommended recipe asks once
    assert '{"role": "user", "content": "What is the number of #10 ?' in text
    assert text.count(HOSTILE) > 12
    assert "<script" not in file.read_text("utf-8")


@pytest.mark.anyio
async def test_candidates_whose_interval_holds_zero_are_said_to_have_no_effect(outcome: ImproveResult, tmp_path: Path):
    for language in ("en", "zh"):
        write_page(outcome, tmp_path / "report.html", language)
        texts = words(language)["search"]
        listed = text_of(tmp_path / "report.html").partition(texts["none_text"].format(k=2))[2]
        listed = listed.partition(texts["none_hint"])[0]
        assert "spell(kind=emotion)" in listed
        assert "self_consistency" not in listed


@pytest.mark.anyio
async def test_several_calls_are_told_one_by_one(outcome: ImproveResult, tmp_path: Path):
    voted = replace(outcome.verdict, recipe=outcome.finalists[2].model, comparison=outcome.comparisons[1])
    write_page(replace(outcome, verdict=voted), tmp_path / "report.html", "en")
    text = text_of(tmp_path / "report.html")
    assert "sent 3 times, each an independent sample" in text
    assert '"temperature": 0.7' in text
    assert "inside: 3 calls" in text


@pytest.mark.anyio
async def test_without_its_ledger_the_report_still_stands(outcome: ImproveResult, tmp_path: Path):
    write_page(replace(outcome, ledger=str(tmp_path / "gone.db")), tmp_path / "report.html", "en")
    assert words("en")["use"]["messages_none"] in text_of(tmp_path / "report.html")
    assert not (tmp_path / "gone.db").exists()


@pytest.mark.anyio
async def test_much_talk_does_not_make_the_page_too_large(tmp_path: Path):
    outcome = await asked(tmp_path, 90)
    long = tuple(
        replace(result, answers=tuple(replace(a, text="é" * 40_000) for a in result.answers))
        for result in outcome.finalists
    )
    write_page(replace(outcome, finalists=long), tmp_path / "report.html", "en")
    assert (tmp_path / "report.html").stat().st_size < 1_000_000


@pytest.mark.anyio
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_kind_of_end_has_its_sentence(outcome: ImproveResult, tmp_path: Path, language: str):
    plain, cot = outcome.models[0], outcome.finalists[1].model
    of_search = replace(outcome.comparisons[0], n=10)
    ends = {
        "improved": outcome,
        "nothing": replace(outcome, verdict=Verdict("nothing helped", plain)),
        "interrupted": replace(outcome, verdict=Verdict("interrupted", cot, of_search, "search"),
                               finalists=(), comparisons=(), stopped="interrupted"),
        "interrupted_plain": replace(outcome, verdict=Verdict("interrupted", plain), finalists=(), comparisons=(),
                                     candidates=outcome.candidates[:1], stopped="interrupted"),
        "budget": replace(outcome, verdict=Verdict("budget spent", cot, of_search, "search"), finalists=(),
                          comparisons=(), stopped="budget"),
        "budget_ended": replace(outcome, stopped="budget"),
        "judged": replace(outcome, rule="judge", unit="grade", judging_usage=Usage(calls=9, usd=None)),
    }  # fmt: skip
    texts = {}
    for name, end in ends.items():
        write_page(end, tmp_path / f"{name}.html", language)
        texts[name] = " ".join(map(plain_text, verdict_sentences(end, language)))
        assert not re.search(r"[`{}]|None|nan", texts[name]), texts[name]
    assert len(set(texts.values())) == len(texts)
    assert plain in texts["nothing"]


@pytest.mark.anyio
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_what_was_stopped_does_not_speak_as_if_it_had_ended(
    outcome: ImproveResult, tmp_path: Path, language: str
):
    texts, cot = words(language)["search"], outcome.finalists[1].model
    of_search = replace(outcome.comparisons[0], n=10)
    for kind, stopped in (("interrupted", "interrupted"), ("budget spent", "budget")):
        verdict = Verdict(kind, cot, of_search, "search")
        waiting = replace(outcome.candidates[-1], recipe=f"{cot} | brief", scores=(), seconds=(), dropped=None)
        end = replace(outcome, verdict=verdict, finalists=(), comparisons=(), stopped=stopped,
                      candidates=(*outcome.candidates, waiting))  # fmt: skip
        write_page(end, tmp_path / "report.html", language)
        text = text_of(tmp_path / "report.html")
        assert text.count(texts[f"running_{stopped}"]) == 2  # cot and the vote; the two others had left before
        assert text.count(texts[f"waiting_{stopped}"]) == 1
        assert words(language)["use"]["messages_none"] not in text  # nothing was lost: there was no final
        assert words(language)["how"]["again_stopped"] in text
        assert texts["intro_stopped"].partition("{")[2].partition("}")[2].partition("{")[0] in text
        assert texts["none_text"].format(k=2) not in text
        assert texts["none_text_stopped"].format(k=2) in text
    in_final = replace(
        outcome, verdict=Verdict("interrupted", cot, outcome.comparisons[0], "final"), stopped="interrupted"
    )
    write_page(in_final, tmp_path / "report.html", language)
    text = text_of(tmp_path / "report.html")
    assert texts["chosen_interrupted"] in text
    assert texts["chosen"] not in text
    assert texts["chosen_unconfirmed"] not in text


@pytest.mark.anyio
async def test_the_front_is_what_nothing_else_beats(outcome: ImproveResult):
    rows = final_rows(outcome)
    assert front(rows) == {1, 2}  # the vote costs three times as much and is no better
    assert rows[2].spent.output_tokens == pytest.approx(3 * rows[1].spent.output_tokens)


def test_a_chart_is_the_same_bytes_at_every_drawing_and_asks_for_nothing():
    dots = [Dot(100.0, 0.0, "<b>", "finalist", "cot(wording=to_be_sure)", "2", on_front=True)]
    dots += [Dot(cost, 0.0, "", "searched") for cost in (0.0, 50.0, 70.0, 300.0)]
    rows = [Whisker('persona(role="<script>")', 0.1, (-0.1, 0.3), "none")]
    drawings = {
        str(quality_against_cost(dots, cost="<cost>", quality="q")) + str(whiskers(rows, x="x")) for _ in range(2)
    }
    assert len(drawings) == 1
    svg = drawings.pop()
    assert "<script" not in svg
    assert "<title>&lt;b&gt;</title>" in svg
    assert "var(--accent)" in svg
    assert not re.search(r"https?://(?!www\.w3\.org)", svg)


def test_labels_stand_apart():
    dots = [Dot(100.0 + i, 0.5, "", "finalist", f"candidate {i}", str(i)) for i in range(4)]
    svg = str(quality_against_cost(dots, cost="tokens", quality="right")).partition('class="narrow"')[0]
    text = r"translate\([\d.]+ ([\d.]+) ?\)[^<]*<text[^>]*>\s*<tspan>\d cand"
    heights = sorted({float(y) for y in re.findall(text, svg)})  # the halo is a second text
    assert len(heights) == 4
    assert min(abs(a - b) for i, a in enumerate(heights) for b in heights[:i]) > 8


def test_both_languages_say_the_same_things():
    en, zh = words("en"), words("zh")
    assert {s: set(t) for s, t in en.items()} == {s: set(t) for s, t in zh.items()}
    for section, texts in en.items():
        for key, text in texts.items():
            names = {*re.findall(r"{(\w+)}", text)}
            assert names == {*re.findall(r"{(\w+)}", zh[section][key])}, f"{section}.{key}"
