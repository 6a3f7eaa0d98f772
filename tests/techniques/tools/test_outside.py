"""read_url, web_search and draw against a real server on loopback; the operator's settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jielong import load, tools
from jielong.errors import BadInput, MissingKey
from jielong.runtime import provider
from jielong.runtime.budget import budget
from jielong.scope import scope
from jielong.techniques.tools import public_addresses
from jielong.techniques.tools import read_url as read_url_module
from jielong.techniques.tools.draw_image import draw
from jielong.techniques.tools.public_addresses import is_public
from jielong.techniques.tools.read_url import read_url
from jielong.techniques.tools.tool import Tool, ToolFailed, call_tool, request_of
from jielong.techniques.tools.tools_config import tools_config
from jielong.techniques.tools.web_search import web_search
from techniques.tools.acting import asked, calling, turns
from techniques.tools.web import PICTURE, Web

pytestmark = pytest.mark.anyio


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as running:
        yield running


async def result(tool: Tool, **arguments: str) -> str:
    """What the model reads of one call."""
    return (await call_tool(tool, "en").generate(request_of(arguments, 1))).text


# --- read_url -------------------------------------------------------------------------------------------------------


async def test_a_page_becomes_its_main_text(web: Web):
    pytest.importorskip("trafilatura")
    text = await result(read_url(private=True), url=f"{web.url}/page")
    assert "Green tea is not fermented" in text
    assert "not shown" not in text
    assert "<" not in text


async def test_texts_are_read_in_their_encoding_and_redirects_followed(web: Web):
    assert await result(read_url(private=True), url=f"{web.url}/plain") == "茶"
    assert await result(read_url(private=True), url=f"{web.url}/to//plain") == "茶"


async def test_private_addresses_are_refused_unless_allowed(web: Web):
    for host in (
        "127.0.0.1",
        "localhost",
        "0x7f000001",
        "2130706433",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ):
        text = await result(read_url(), url=f"http://{host}:{web.port}/plain")
        assert "is not on the public internet" in text or "cannot be reached (InvalidUrl" in text, host
    assert web.asked == []


async def test_a_redirect_to_a_private_address_is_refused(web: Web, monkeypatch: pytest.MonkeyPatch):
    """127.0.0.1 plays the public internet, and 127.0.0.2 the private network."""
    monkeypatch.setattr(public_addresses, "is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(public_addresses, "_is_own", lambda family, place: False)
    for where in (f"http!//127.0.0.2!{web.port}/plain", "http!//169.254.169.254/"):
        assert "is not on the public internet" in await result(read_url(), url=f"{web.url}/to/{where}")
    assert "is not a URL that can be read" in await result(read_url(), url=f"{web.url}/to/file!///etc/passwd")
    assert await result(read_url(), url=f"{web.url}/to//plain") == "茶"


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1",
     "fc00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%eth0", "255.255.255.255"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_that_are_public(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/large", "is larger than 3,000,000 bytes"),
        ("/binary", "but application/octet-stream"),
        ("/missing", "answered 404"),
        ("/loop", "more than 5 redirects"),
    ],
)
async def test_what_cannot_be_read_is_told_to_the_model(web: Web, path: str, words: str):
    assert words in await result(read_url(private=True), url=f"{web.url}{path}")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://e.org/", "http://user:key@e.org/", "e.org", "http://", ""]
)
async def test_what_is_no_url_of_the_web_is_refused(url: str):
    assert "is not a URL that can be read" in await result(read_url(private=True), url=url)


async def test_what_takes_too_long_is_given_up(web: Web, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(read_url_module, "SECONDS", 0.0)
    assert "took longer than 0 seconds" in await result(read_url(private=True), url=f"{web.url}/plain")


# --- web_search -----------------------------------------------------------------------------------------------------


async def test_a_searxng_gives_its_first_results(web: Web):
    text = await result(web_search(web.url), query="tea")
    assert text.startswith("1. T0\nhttps://e.org/0\nabout 0 x\n\n2. T1")
    assert "T5" not in text
    assert web.asked[0][1] == {"q": "tea", "format": "json"}
    assert "nothing was found for nothing" in await result(web_search(web.url), query="nothing")


async def test_a_keyed_engine_gets_its_key_from_the_environment(web: Web, monkeypatch: pytest.MonkeyPatch):
    tool = web_search(web.url, kind="brave", key_variable="MY_SEARCH_KEY")
    with pytest.raises(MissingKey, match="export MY_SEARCH_KEY"):
        await result(tool, query="tea")
    monkeypatch.setenv("MY_SEARCH_KEY", "wrong")
    with pytest.raises(MissingKey, match="answered 401"):
        await result(tool, query="tea")
    monkeypatch.setenv("MY_SEARCH_KEY", "secret")
    assert await result(tool, query="tea") == "1. Tea\nhttps://e.org/tea\na drink"


async def test_an_engine_that_is_busy_is_asked_again(web: Web, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(provider, "retry_delay", lambda attempt, after: 0.001)
    web.failures = 2
    with scope("here") as here:
        assert (await result(web_search(web.url), query="tea")).startswith("1. T0")
    assert (here.usage.calls, here.usage.retries) == (1, 2)


def test_an_engine_elsewhere_has_no_known_price_unless_told():
    assert web_search("https://search.example.org").usd is None
    assert web_search("https://search.example.org", usd=0.005).usd == 0.005
    assert web_search("http://127.0.0.1:8888").usd == 0.0
    for url in ("search.example.org", "http://user:key@search.example.org"):
        with pytest.raises(BadInput, match="is not the URL of a search engine"):
            web_search(url)


async def test_the_price_of_a_search_is_in_the_usage_and_in_the_budget(web: Web):
    paid = web_search(web.url, usd=0.01)
    model = turns(calling(("web_search", '{"query": "tea"}'), ("web_search", '{"query": "milk"}')), "done") | tools(
        use=[paid]
    )
    assert model.max_calls() == 6 + 3 + 6 * 8
    reply = await model.generate(asked())
    assert reply.usage.usd == pytest.approx(0.02)
    assert reply.usage.calls == 4
    unknown = web_search("https://search.example.org")
    model = turns(calling(("web_search", '{"query": "tea"}')), "done") | tools(use=[unknown]) | budget(usd=1.0)
    with pytest.raises(BadInput, match="known price"):
        await model.generate(asked().with_sampling(max_tokens=10))


# --- draw -----------------------------------------------------------------------------------------------------------


async def test_a_picture_is_stored_and_shown(web: Web, jielong_home: Path):
    base = turns(calling(("draw", '{"prompt": "a cup of tea"}')), "Here it is.")
    reply = await (base | tools(use=[draw(f"openai:paint@{web.url}/v1")])).generate(asked("Draw me a cup of tea."))
    file = Path(reply.text.splitlines()[-1])
    assert reply.text == f"Here it is.\n{file}"
    assert file.parent == jielong_home / "pictures"
    assert file.read_bytes() == PICTURE
    assert base.requests[1].messages[-1].text == str(file)
    words = sum(len(message.text.split()) for request in base.requests for message in request.messages)
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (words + 7, len("Here it is.".split()) + 272)
    assert web.asked[0][3] == {"model": "paint", "prompt": "a cup of tea", "n": 1}


async def test_a_picture_that_the_reply_mentions_is_shown_once(web: Web):
    base = turns(calling(("draw", '{"prompt": "tea"}')), lambda request: f"See {request.messages[-1].text}")
    reply = await (base | tools(use=[draw(f"openai:paint@{web.url}/v1")])).generate(asked())
    assert reply.text.count(".png") == 1


async def test_a_picture_may_come_as_a_link_of_the_same_endpoint(web: Web):
    path = await result(draw(f"openai:paint@{web.url}/linked"), prompt="tea")
    assert Path(path).read_bytes() == PICTURE


async def test_a_refusal_is_read_by_the_model(web: Web):
    assert "not this" in await result(draw(f"openai:paint@{web.url}/refusing"), prompt="tea")


async def test_nothing_unpriced_is_drawn_under_a_budget(web: Web):
    model = turns(calling(("draw", '{"prompt": "tea"}')), "done") | tools(use=[draw(f"openai:paint@{web.url}/v1")])
    with pytest.raises(BadInput, match="upper bound for each call"):
        await (model | budget(tokens=10**6)).generate(asked().with_sampling(max_tokens=10))
    assert web.asked == []


# --- settings -------------------------------------------------------------------------------------------------------


async def test_a_recipe_names_a_tool_and_the_settings_say_where(web: Web, jielong_home: Path):
    jielong_home.mkdir()
    (jielong_home / "tools.toml").write_text(
        f'[read_url]\nprivate = true\n[web_search]\nurl = "{web.url}"\n[draw]\nmodel = "openai:paint@{web.url}/v1"\n'
    )
    step = load("mini | tools(use=[read_url, web_search, draw])").technique  # type: ignore[attr-defined]
    calls = calling(
        ("read_url", f'{{"url": "{web.url}/plain"}}'), ("web_search", '{"query": "x"}'), ("draw", '{"prompt": "x"}')
    )
    base = turns(calls, "done")
    await (base | step).generate(asked())
    read, found, drawn = (m.text for m in base.requests[1].messages[-3:])
    assert read == "茶"
    assert found.startswith("1. T0")
    assert drawn.endswith(".png")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("[read_url]\nprivat = true", "unknown setting 'read_url.privat'; did you mean 'read_url.private'?"),
        ("[web_search]", "web_search.url is missing"),
        ("[mcp.x]\ncommand = 3", "mcp.x.command"),
        ("not toml", "not TOML"),
    ],
)
def test_settings_that_cannot_be_read_name_the_place(jielong_home: Path, written: str, words: str):
    jielong_home.mkdir()
    (jielong_home / "tools.toml").write_text(written)
    with pytest.raises(BadInput, match=r"tools\.toml: .*") as error:
        tools_config()
    assert words in str(error.value)


def test_wrong_arguments_of_built_in_tools_are_told():
    for tool in (read_url(), web_search("http://127.0.0.1:1"), draw("ollama:paint")):
        with pytest.raises(ToolFailed):
            tool.check({"more": 1})
