"""Which URL and which key a shorthand stands for. All of them speak the OpenAI chat completions protocol."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...errors import BadInput, MissingKey, RecipeError


@dataclass(frozen=True)
class Endpoint:
    url: str
    key_variable: str | None  # None: needs no key
    base_variable: str | None = None  # overrides the URL


ENDPOINTS = {
    "openai": Endpoint("https://api.openai.com/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    "anthropic": Endpoint("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "gemini": Endpoint("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "deepseek": Endpoint("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "qwen": Endpoint("https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
    "glm": Endpoint("https://open.bigmodel.cn/api/paas/v4", "ZHIPUAI_API_KEY"),
    "kimi": Endpoint("https://api.moonshot.cn/v1", "MOONSHOT_API_KEY"),
    "doubao": Endpoint("https://ark.cn-beijing.volces.com/api/v3", "ARK_API_KEY"),
    "siliconflow": Endpoint("https://api.siliconflow.cn/v1", "SILICONFLOW_API_KEY"),
    "openrouter": Endpoint("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "ollama": Endpoint("http://127.0.0.1:11434/v1", None, "OLLAMA_HOST"),
    "vllm": Endpoint("http://127.0.0.1:8000/v1", None, "VLLM_BASE_URL"),
}


@dataclass(frozen=True)
class EndpointTarget:
    """One model at one or several equal endpoints, and the keys that are used in turn."""

    kind: str
    model: str
    urls: tuple[str, ...]
    keys: tuple[str, ...]
    given_url: str | None

    @property
    def spec(self) -> str:
        return f"{self.kind}:{self.model}" + (f"@{self.given_url}" if self.given_url else "")


def resolve_endpoint(kind: str, rest: str) -> EndpointTarget:
    """`NAME` or `NAME@URL[;URL…]`. Keys come from the environment, several separated by commas.

    Raises RecipeError for a URL that holds a user or password, MissingKey when a key is needed and not set.
    """
    at = min((i for scheme in ("@http://", "@https://") if (i := rest.find(scheme)) >= 0), default=-1)
    model, given = (rest[:at], rest[at + 1 :]) if at >= 0 else (rest, None)
    if not model:
        raise RecipeError(f"{kind}: needs the name of a model, as in {kind}:NAME")
    known = ENDPOINTS[kind]
    urls = tuple(_checked(url) for url in given.split(";")) if given else (_default(known),)
    keys = tuple(key.strip() for key in os.environ.get(known.key_variable or "", "").split(",") if key.strip())
    local = is_local(urls)
    if known.key_variable and not keys and not local:
        raise MissingKey(f"{kind}:{model} needs a key, and {known.key_variable} is not set: "
                         f"export {known.key_variable}=…")  # fmt: skip
    if local:
        keys = keys if given is None else ()  # a key for a service is not sent to whatever listens on this machine
    return EndpointTarget(kind, model, urls, keys, given)


def _default(known: Endpoint) -> str:
    url = os.environ.get(known.base_variable or "") or known.url
    if "://" not in url:
        url = f"http://{url}"
    if known.base_variable == "OLLAMA_HOST" and not url.rstrip("/").endswith("/v1"):
        url = url.rstrip("/") + "/v1"
    return _checked(url)


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise RecipeError("a URL in a recipe holds no user and no password; put the key into the environment")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{url!r} is not the URL of an endpoint; expected something like http://127.0.0.1:8000/v1")
    return url.rstrip("/")


def is_local(urls: tuple[str, ...]) -> bool:
    """Whether all of them are on this machine."""
    return all(urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1") for url in urls)
