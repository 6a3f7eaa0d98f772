"""Which URL and which key a shorthand stands for. All of them speak the OpenAI chat completions protocol.

A key goes only to the hosts that it belongs to; for any other host it is named: `openai:NAME@https://HOST/v1?key=VAR`.
"""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from ...errors import BadInput, MissingKey, RecipeError
from ...runtime.keys import is_loopback, keys_for, keys_in, may_carry_keys


@dataclass(frozen=True)
class EndpointPreset:
    url: str
    key_variable: str | None  # None: a server of one's own, which needs no key
    base_variable: str | None = None  # overrides the URL
    other_hosts: tuple[str, ...] = ()  # that the key belongs to, too

    def owns(self, url: str) -> bool:
        """Whether the key of this preset belongs to what is at `url`."""
        hosts = (urlsplit(self.url).hostname, *self.other_hosts)
        return urlsplit(url).scheme == "https" and urlsplit(url).hostname in hosts


ENDPOINT_PRESETS = {
    "openai": EndpointPreset(
        "https://api.openai.com/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL", ("eu.api.openai.com", "us.api.openai.com")
    ),
    "anthropic": EndpointPreset("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "gemini": EndpointPreset("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "deepseek": EndpointPreset("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "qwen": EndpointPreset(
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_API_KEY",
        other_hosts=("dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com"),
    ),
    "glm": EndpointPreset("https://open.bigmodel.cn/api/paas/v4", "ZHIPUAI_API_KEY", other_hosts=("api.z.ai",)),
    "kimi": EndpointPreset("https://api.moonshot.cn/v1", "MOONSHOT_API_KEY", other_hosts=("api.moonshot.ai",)),
    "doubao": EndpointPreset("https://ark.cn-beijing.volces.com/api/v3", "ARK_API_KEY"),
    "siliconflow": EndpointPreset(
        "https://api.siliconflow.cn/v1", "SILICONFLOW_API_KEY", other_hosts=("api.siliconflow.com",)
    ),
    "openrouter": EndpointPreset("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "ollama": EndpointPreset("http://127.0.0.1:11434/v1", None, "OLLAMA_HOST"),
    "vllm": EndpointPreset("http://127.0.0.1:8000/v1", None, "VLLM_BASE_URL"),
}


@dataclass(frozen=True)
class EndpointAddress:
    """`without_key` says why no key is sent, for the message when the endpoint wants one."""

    url: str
    keys: tuple[str, ...] = field(repr=False)
    without_key: str = ""


@dataclass(frozen=True)
class EndpointTarget:
    """One model at one or several equal endpoints, which are used in turn."""

    kind: str
    model: str
    addresses: tuple[EndpointAddress, ...]
    custom_url: str | None

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(address.url for address in self.addresses)

    @property
    def spec(self) -> str:
        return f"{self.kind}:{self.model}" + (f"@{self.custom_url}" if self.custom_url else "")

    @property
    def is_free(self) -> bool:
        """A server of one's own on this machine. Any other loopback URL may be a proxy of something that costs."""
        own_server = ENDPOINT_PRESETS[self.kind].key_variable is None and all(map(is_loopback, self.urls))
        return own_server and not re.search(r"[:-]cloud$", self.model)  # Ollama passes these on to its paid service


def resolve_endpoint(kind: str, rest: str) -> EndpointTarget:
    """`NAME` or `NAME@URL[;URL…]`, each URL with its own `?key=VARIABLE` where it needs a key.

    Raises RecipeError for what is no such spec, MissingKey when a key is needed and not set, BadInput for a key that
    would travel unencrypted or that no header can hold.
    """
    model, urls_text = _split(kind, rest)
    if not model:
        raise RecipeError(f"{kind}: needs the name of a model, as in {kind}:NAME")
    preset = ENDPOINT_PRESETS[kind]
    spec = f"{kind}:{model}"
    if urls_text:
        addresses = tuple(_address(spec, text, preset) for text in urls_text.split(";"))
    else:
        addresses = (_default_address(spec, preset),)
    return EndpointTarget(kind, model, addresses, urls_text)


_URL_STARTS = re.compile(r"@(?=[a-z][a-z0-9+.-]*:/)", re.I)
_HOST = re.compile(
    r"(?://)?(?P<host>localhost|\d+(?:\.\d+){3}|\[[0-9a-f:]+\]|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}|[\w.-]+(?=:\d))"
    r"(?::\d{1,5})?(?:/.*)?",
    re.I,
)


def _split(kind: str, rest: str) -> tuple[str, str | None]:
    if match := _URL_STARTS.search(rest):
        return rest[: match.start()], rest[match.end() :]
    model, _, tail = rest.rpartition("@")
    if model and (host := _HOST.fullmatch(tail)):
        scheme = "https" if re.search(r"[a-z]\.[a-z]{2,}$", host["host"], re.I) else "http"
        raise RecipeError(
            f"{kind}:{rest} names an address without http:// or https://; "
            f"write {kind}:{model}@{scheme}://{tail.removeprefix('//')}"
        )
    return rest, None


def _address(spec: str, text: str, preset: EndpointPreset) -> EndpointAddress:
    """An address as a recipe writes it."""
    text, _, query = text.partition("?")
    url = _checked_url(text)
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    if parameters.keys() - {"key"}:
        raise RecipeError(f"{url} may be followed by ?key=VARIABLE and by nothing else")
    if variable := parameters.get("key"):
        if not re.fullmatch(r"[A-Za-z_]\w*", variable, re.A):
            raise RecipeError(f"{url}?key= takes the name of an environment variable that holds the key, not the key")
        return EndpointAddress(url, keys_for(url, variable, spec))
    if preset.key_variable and preset.owns(url):
        return EndpointAddress(url, keys_for(url, preset.key_variable, spec))
    return EndpointAddress(url, (), "no key was sent; if it needs one, name its variable: @URL?key=VARIABLE")


def _default_address(spec: str, preset: EndpointPreset) -> EndpointAddress:
    base = os.environ.get(preset.base_variable or "", "").strip().strip("\"'")
    url = _base_url(base, str(preset.base_variable)) if base else preset.url
    if not preset.key_variable:
        return EndpointAddress(url, (), "no key was sent; if it needs one, name its variable: @URL?key=VARIABLE")
    if not may_carry_keys(url):
        return EndpointAddress(url, (), f"{preset.key_variable} was not sent, as {url} is not encrypted; use https")
    keys = keys_in(preset.key_variable)
    if not keys and not is_loopback(url):
        raise MissingKey(f"{spec} needs a key, and {preset.key_variable} is not set: export {preset.key_variable}=…")
    return EndpointAddress(url, keys)


def _base_url(text: str, variable: str) -> str:
    try:
        return _ollama_url(text) if variable == "OLLAMA_HOST" else _checked_url(
            text if "://" in text else f"http://{text}"
        )  # fmt: skip
    except (BadInput, ValueError):
        shown = repr(text) if "@" not in text and "?" not in text else "something else"
        raise BadInput(f"{variable} is {shown}; expected something like http://127.0.0.1:8000/v1") from None


def _ollama_url(text: str) -> str:
    """OLLAMA_HOST as Ollama's own clients read it: the port is 11434 unless a scheme says 80 or 443."""
    scheme, _, rest = text.rpartition("://")
    host_and_port, _, path = rest.partition("/")
    if host_and_port.count(":") > 1 and not host_and_port.startswith("["):
        host_and_port = f"[{host_and_port}]"
    parts = urlsplit(f"{scheme or 'http'}://{host_and_port}")
    port = parts.port or {"http": 80, "https": 443}.get(scheme, 11434)
    host = parts.hostname or "127.0.0.1"
    path = path.strip("/").removesuffix("/v1") if path.strip("/") not in ("v1", "api") else ""
    host = f"[{host}]" if ":" in host else host
    return _checked_url(f"{scheme or 'http'}://{host}:{port}/{path + '/' if path else ''}v1")


def _checked_url(text: str) -> str:
    """The URL without what a client adds itself, an address to listen on as the loopback address it is reached at."""
    example = "expected something like http://127.0.0.1:8000/v1 or https://HOST/v1"
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadInput(f"{text!r} is not the URL of an endpoint; {example}") from None
    if "@" in parts.netloc:
        raise RecipeError("a URL in a recipe holds no user and no password; put the key into the environment")
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", text.strip()):
        raise BadInput(f"{text!r} is not the URL of an endpoint; {example}")
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}"
