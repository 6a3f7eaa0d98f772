"""Where a call goes, which key goes with it, and what it costs. Nothing here may reach another host than it names."""

from __future__ import annotations

import socket

import anyio
import pytest

from endpoint.wire import USAGE, Sent, WireEndpoint, question, whole
from jielong import load
from jielong.errors import BadInput, JielongError, MissingKey, RecipeError
from jielong.models.openai.endpoint_presets import ENDPOINT_PRESETS, EndpointTarget, resolve_endpoint
from jielong.runtime.budget import budget

KEYED = [name for name, preset in ENDPOINT_PRESETS.items() if preset.key_variable]
SECRET = "sk-belongs-elsewhere"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for preset in ENDPOINT_PRESETS.values():
        for name in (preset.key_variable, preset.base_variable):
            if name:
                monkeypatch.delenv(name, raising=False)


def every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYED:
        monkeypatch.setenv(str(ENDPOINT_PRESETS[name].key_variable), SECRET)


def keys_of(target: EndpointTarget) -> set[str]:
    return {key for address in target.addresses for key in address.keys}


def own_address() -> str:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = str(probe.getsockname()[0])
        except OSError:
            address = "127.0.0.1"
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    return address


def sent_headers(recipe: str, endpoint: WireEndpoint) -> dict[str, str]:
    anyio.run(load(recipe).generate, question())
    return endpoint.headers[-1]


@pytest.mark.parametrize("kind", ENDPOINT_PRESETS)
def test_no_key_reaches_a_host_that_it_does_not_belong_to(kind: str, monkeypatch: pytest.MonkeyPatch):
    every_key(monkeypatch)
    with WireEndpoint([whole({"content": "ok"})], host="0.0.0.0") as endpoint:
        for host in ("127.0.0.1", "localhost", "127.0.0.2", "0.0.0.0", own_address()):
            headers = sent_headers(f"{kind}:m@http://{host}:{endpoint.port}/v1", endpoint)
            assert SECRET not in str(headers)
        assert len(endpoint.headers) == 5


def test_a_proxy_sees_no_call_to_this_machine_and_no_key(monkeypatch: pytest.MonkeyPatch):
    every_key(monkeypatch)
    monkeypatch.setenv("MY_KEY", SECRET)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    ok = whole({"content": "ok"})
    with WireEndpoint([ok]) as endpoint, WireEndpoint([ok]) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        assert sent_headers(f"openai:m@{endpoint.url}?key=MY_KEY", endpoint)["Authorization"] == f"Bearer {SECRET}"
        assert proxy.headers == []
        assert SECRET not in str(sent_headers("openai:m@http://models.example/v1", proxy))


@pytest.mark.parametrize("kind", KEYED)
@pytest.mark.parametrize("host", ["example.org", "api.openai.com.evil.example", "evil-api.openai.com", "10.0.0.7"])
def test_another_host_gets_no_key_over_https(kind: str, host: str, monkeypatch: pytest.MonkeyPatch):
    every_key(monkeypatch)
    target = resolve_endpoint(kind, f"m@https://{host}/v1")
    assert SECRET not in keys_of(target)


@pytest.mark.parametrize("kind", KEYED)
def test_a_key_goes_to_its_own_host_and_only_encrypted(kind: str, monkeypatch: pytest.MonkeyPatch):
    every_key(monkeypatch)
    url = ENDPOINT_PRESETS[kind].url
    assert SECRET in keys_of(resolve_endpoint(kind, "m"))
    assert SECRET in keys_of(resolve_endpoint(kind, f"m@{url}"))
    assert SECRET not in keys_of(resolve_endpoint(kind, f"m@{url.replace('https://', 'http://')}"))
    assert SECRET not in resolve_endpoint(kind, f"m@{url};https://example.org/v1").addresses[1].keys


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("qwen", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
        ("kimi", "https://api.moonshot.ai/v1"),
        ("glm", "https://api.z.ai/api/paas/v4"),
        ("siliconflow", "https://api.siliconflow.com/v1"),
        ("openai", "https://eu.api.openai.com/v1"),
    ],
)
def test_a_provider_has_several_hosts(kind: str, url: str, monkeypatch: pytest.MonkeyPatch):
    every_key(monkeypatch)
    assert SECRET in keys_of(resolve_endpoint(kind, f"m@{url}"))


def test_a_key_is_named_for_another_host(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("MY_KEY", "sk-mine")
    with WireEndpoint([whole({"content": "ok"})]) as endpoint:
        recipe = f"openai:m@{endpoint.url}?key=MY_KEY"
        assert sent_headers(recipe, endpoint)["Authorization"] == "Bearer sk-mine"
        assert endpoint.paths == ["/v1/chat/completions"]
        assert load(load(recipe).name).name == load(recipe).name
    assert "sk-mine" in keys_of(resolve_endpoint("openai", "m@https://example.org/v1?key=MY_KEY"))


def test_each_of_several_hosts_has_its_own_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KEY_A", "sk-a")
    monkeypatch.setenv("KEY_B", "sk-b1,sk-b2")
    with WireEndpoint([whole({"content": "ok"})]) as a, WireEndpoint([whole({"content": "ok"})]) as b:
        model = load(f"openai:m@{a.url}?key=KEY_A;{b.url}?key=KEY_B")

        async def several() -> None:
            for _ in range(6):
                await model.generate(question())

        anyio.run(several)
        assert {headers["Authorization"] for headers in a.headers} == {"Bearer sk-a"}
        assert {headers["Authorization"] for headers in b.headers} == {"Bearer sk-b1", "Bearer sk-b2"}


@pytest.mark.parametrize(
    ("rest", "kind", "words"),
    [
        ("m@https://example.org/v1?key=NOT_SET", MissingKey, "export NOT_SET="),
        ("m@http://example.org/v1?key=MY_KEY", BadInput, "unencrypted"),
        ("m@http://10.0.0.7:8000/v1?key=MY_KEY", BadInput, "https"),
        ("m@https://example.org/v1?key=sk-abc123", RecipeError, "name of an environment variable"),
        ("m@https://example.org/v1?token=MY_KEY", RecipeError, r"\?key="),
        ("m@https://me:pw@example.org/v1", RecipeError, "no user and no password"),
        ("m@127.0.0.1:9100", RecipeError, "http://127.0.0.1:9100"),
        ("m@127.0.0.1:9100/v1", RecipeError, "http://127.0.0.1:9100/v1"),
        ("m@localhost:8000", RecipeError, "http://localhost:8000"),
        ("m@localhost", RecipeError, "http://localhost"),
        ("m@my.server.example/v1", RecipeError, "https://my.server.example/v1"),
        ("m@gpu-box:8000/v1", RecipeError, "http"),
        ("m@[::1]:8000/v1", RecipeError, "http://"),
        ("m@//127.0.0.1:8000", RecipeError, "http://"),
        ("m@htp://127.0.0.1:8000", BadInput, "http://"),
        ("m@https:/example.org", BadInput, "https://"),
        ("m@ftp://example.org/v1", BadInput, "http"),
        ("m@http://127.0.0.1:port/v1", BadInput, "http"),
        ("m@http://", BadInput, "http"),
        ("@http://127.0.0.1:8000/v1", RecipeError, "needs the name"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_with_what_is_meant(
    rest: str, kind: type[JielongError], words: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("MY_KEY", "sk-mine")
    with pytest.raises(kind, match=words) as caught:
        resolve_endpoint("openai", rest)
    assert "sk-mine" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["claude-3-5-sonnet@20241022", "@cf/meta/llama-3-8b", "gpt-4o@v1.2", "a/b:free"])
def test_a_name_of_a_model_may_hold_an_at_sign(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert resolve_endpoint("openai", name).model == name
    target = resolve_endpoint("openai", f"{name}@HTTP://127.0.0.1:8000/v1/")
    assert (target.model, target.urls) == (name, ("http://127.0.0.1:8000/v1",))


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("", "http://127.0.0.1:11434/v1"),
        ("127.0.0.1", "http://127.0.0.1:11434/v1"),
        ("127.0.0.1:9000", "http://127.0.0.1:9000/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:11434", "http://127.0.0.1:11434/v1"),
        ("http://0.0.0.0:11434", "http://127.0.0.1:11434/v1"),
        (":11434", "http://127.0.0.1:11434/v1"),
        ("[::]:11434", "http://127.0.0.1:11434/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
        ("::1", "http://[::1]:11434/v1"),
        ("localhost", "http://localhost:11434/v1"),
        ("gpu-box", "http://gpu-box:11434/v1"),
        ("gpu-box:80", "http://gpu-box:80/v1"),
        ("http://gpu-box:11434/", "http://gpu-box:11434/v1"),
        ("http://gpu-box", "http://gpu-box:80/v1"),
        ("https://ollama.example.org", "https://ollama.example.org:443/v1"),
        ("https://ollama.example.org/some/path", "https://ollama.example.org:443/some/path/v1"),
        ("http://gpu-box:11434/v1", "http://gpu-box:11434/v1"),
        (" 127.0.0.1:9000 ", "http://127.0.0.1:9000/v1"),
        ('"127.0.0.1:9000"', "http://127.0.0.1:9000/v1"),
        ("http://localhost:11434/api", "http://localhost:11434/v1"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(value: str, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OLLAMA_HOST", value)
    assert resolve_endpoint("ollama", "qwen3").urls == (url,)


def test_ollama_host_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch):
    for value in ("gpu box", "127.0.0.1:eleven", "ftp://gpu-box"):
        monkeypatch.setenv("OLLAMA_HOST", value)
        with pytest.raises(BadInput, match="OLLAMA_HOST"):
            resolve_endpoint("ollama", "qwen3")


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("http://0.0.0.0:8000/v1", "http://127.0.0.1:8000/v1"),
        ("127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://[::]:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://gpu-box:8000/v1/ ", "http://gpu-box:8000/v1"),
    ],
)
def test_an_address_to_listen_on_is_reached_on_loopback(value: str, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VLLM_BASE_URL", value)
    assert resolve_endpoint("vllm", "m").urls == (url,)
    if "://" in value:
        assert resolve_endpoint("openai", f"m@{value.strip()}").urls == (url,)


def test_the_base_url_of_the_environment_gets_its_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example.org/v1")
    assert SECRET in keys_of(resolve_endpoint("openai", "m"))
    monkeypatch.setenv("OPENAI_BASE_URL", "http://10.0.0.7:8000/v1")
    assert SECRET not in keys_of(resolve_endpoint("openai", "m"))
    with WireEndpoint([whole({"content": "ok"})], host="0.0.0.0") as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        assert sent_headers("openai:m", endpoint)["Authorization"] == f"Bearer {SECRET}"
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://{own_address()}:{endpoint.port}/v1")
        assert "Authorization" not in sent_headers("openai:m", endpoint)


@pytest.mark.parametrize(
    "value",
    ["sk-abc\n", "sk-abc\r\n", " sk-abc ", "sk-abc,\n", "\tsk-abc"],
)
def test_what_stands_around_a_key_is_not_part_of_it(value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_KEY", value)
    with WireEndpoint([whole({"content": "ok"})]) as endpoint:
        headers = sent_headers(f"openai:m@{endpoint.url}?key=MY_KEY", endpoint)
    assert headers["Authorization"] == "Bearer sk-abc"


@pytest.mark.parametrize(
    "value",
    [
        "sk-abc\nsk-def",
        "sk-abc\r\nX-Evil: 1",
        "sk-abc def",
        '"sk-abc"',
        "'sk-abc'",
        "sk-äbc",
        "sk-abc\x00",
        "“sk-abc”",
        "Bearer sk-abc",
        "sk-\u200babc",
        "export OPENAI_API_KEY=sk-abc",
    ],
)
def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch):
    if "\x00" not in value:
        monkeypatch.setenv("OPENAI_API_KEY", value)
        with pytest.raises(BadInput, match="OPENAI_API_KEY") as caught:
            load("openai:m")
        assert "abc" not in str(caught.value)
        assert "\n" not in str(caught.value)


def cost(recipe: str, endpoint: WireEndpoint) -> float | None:
    return anyio.run(load(recipe).generate, question()).usage.usd


def test_a_loopback_url_is_not_free_by_itself(monkeypatch: pytest.MonkeyPatch):
    with WireEndpoint([whole({"content": "ok"}, usage=USAGE)]) as endpoint:
        assert cost(f"openai:gpt-5-mini@{endpoint.url}", endpoint) is None  # a proxy may ask others
        assert cost(f"openrouter:x@{endpoint.url}", endpoint) is None
        assert cost(f"vllm:m@{endpoint.url}", endpoint) == 0.0
        assert cost(f"ollama:qwen3@{endpoint.url}", endpoint) == 0.0
        assert cost(f"ollama:gpt-oss:120b-cloud@{endpoint.url}", endpoint) is None


def test_a_refused_key_says_how_one_is_named():
    with WireEndpoint([Sent({"error": {"message": "no token"}}, 401)]) as endpoint:
        with pytest.raises(MissingKey, match=r"\?key="):
            anyio.run(load(f"openai:m@{endpoint.url}").generate, question())


def test_a_token_budget_goes_on_where_an_endpoint_tells_no_usage():
    """What a reply took is then at most its bytes, not all that it might have taken."""

    async def calls(url: str) -> int:
        model = load(f"openai:m@{url}")
        with budget(tokens=20_000):
            for n in range(10):
                reply = await model.generate(question().with_sampling(max_tokens=8_000))
                assert (reply.usage.unsettled_calls, reply.usage.input_tokens) == (1, 0)
        return n + 1

    with WireEndpoint([whole({"content": "ok"}, usage=None)]) as endpoint:
        assert anyio.run(calls, endpoint.url) == 10
