"""Which URL and which key a shorthand stands for. All of them speak the OpenAI chat completions protocol."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...errors import BadInput, MissingKey, RecipeError


@dataclass(frozen=True)
class EndpointPreset:
    url: str
    key_variable: str | None  # None: needs no key
    base_variable: str | None = None  # overrides the URL


ENDPOINT_PRESETS = {
    "openai": EndpointPreset("https://api.openai.com/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    "anthropic": EndpointPreset("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "gemini": EndpointPreset("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "deepseek": EndpointPreset("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "qwen": EndpointPreset("https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
    "glm": EndpointPreset("https://open.bigmodel.cn/api/paas/v4", "ZHIPUAI_API_KEY"),
    "kimi": EndpointPreset("https://api.moonshot.cn/v1", "MOONSHOT_API_KEY"),
    "doubao": EndpointPreset("https://ark.cn-beijing.volces.com/api/v3", "ARK_API_KEY"),
    "siliconflow": EndpointPreset("https://api.siliconflow.cn/v1", "SILICONFLOW_API_KEY"),
    "openrouter": EndpointPreset("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "ollama": EndpointPreset("http://127.0.0.1:11434/v1", None, "OLLAMA_HOST"),
    "vllm": EndpointPreset("http://127.0.0.1:8000/v1", None, "VLLM_BASE_URL"),
}


@dataclass(frozen=True)
class EndpointTarget:
    """One model at one or several equal endpoints, and the keys that are used in turn."""

    kind: str
    model: str
    urls: tuple[str, ...]
    keys: tuple[str, ...]
    custom_url: str | None

    @property
    def spec(self) -> str:
        return f"{self.kind}:{self.model}" + (f"@{self.custom_url}" if self.custom_url else "")


def resolve_endpoint(kind: str, rest: str) -> EndpointTarget:
    """`NAME` or `NAME@URL[;URL…]`. Keys come from the environment, several separated by commas.

    Raises RecipeError for a URL that holds a user or password, MissingKey when a key is needed and not set.
    """
    marks = [rest.find(mark) for mark in ("@http://", "@https://") if mark in rest]
    model, urls_text = (rest[: min(marks)], rest[min(marks) + 1 :]) if marks else (rest, None)
    if not model:
        raise RecipeError(f"{kind}: needs the name of a model, as in {kind}:NAME")
    preset = ENDPOINT_PRESETS[kind]
    urls = tuple(_checked_url(url) for url in urls_text.split(";")) if urls_text else (_default_url(preset),)
    keys = tuple(key.strip() for key in os.environ.get(preset.key_variable or "", "").split(",") if key.strip())
    local = is_local(urls)
    if preset.key_variable and not keys and not local:
        raise MissingKey(f"{kind}:{model} needs a key, and {preset.key_variable} is not set: "
                         f"export {preset.key_variable}=…")  # fmt: skip
    if local:
        keys = keys if urls_text is None else ()  # a key for a service is not sent to whatever listens on this machine
    return EndpointTarget(kind, model, urls, keys, urls_text)


def _default_url(preset: EndpointPreset) -> str:
    url = os.environ.get(preset.base_variable or "") or preset.url
    if "://" not in url:
        url = f"http://{url}"
    if preset.base_variable == "OLLAMA_HOST" and not url.rstrip("/").endswith("/v1"):
        url = url.rstrip("/") + "/v1"
    return _checked_url(url)


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise RecipeError("a URL in a recipe holds no user and no password; put the key into the environment")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{url!r} is not the URL of an endpoint; expected something like http://127.0.0.1:8000/v1")
    return url.rstrip("/")


def is_local(urls: tuple[str, ...]) -> bool:
    """Whether all of them are on this machine."""
    return all(urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1") for url in urls)
