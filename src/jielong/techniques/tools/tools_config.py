"""`JIELONG_HOME/tools.toml`: what the operator says about tools that reach outside. A recipe only names a tool.

[read_url]
private = false                        # true: addresses of this machine and of private networks, too

[web_search]
url = "http://127.0.0.1:8888"          # a SearXNG; kind = "brave" and key_variable = "…" for a keyed API

[draw]
model = "openai:gpt-image-1"           # usd = 0.04 says what a picture costs

[mcp.files]
command = ["python", "server.py"]      # or url = "http://127.0.0.1:8000/mcp"
allow = ["read_file"]                  # nothing else of it may run
"""

import tomllib
from pathlib import Path

import pydantic

from ...errors import BadInput
from ...runtime.ledger import home_folder
from ...settings_error import settings_error
from .mcp_servers import McpServer
from .web_search import Kind


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class ReadUrl(_Strict):
    private: bool = False


class WebSearch(_Strict):
    url: str
    kind: Kind = "searxng"
    key_variable: str | None = None
    usd: float | None = None


class Draw(_Strict):
    model: str
    usd: float | None = None


class Mcp(_Strict):
    command: tuple[str, ...] = ()
    url: str | None = None
    allow: tuple[str, ...] = ()
    key_variable: str | None = None
    usd: float | None = None


class Settings(_Strict):
    read_url: ReadUrl = ReadUrl()
    web_search: WebSearch | None = None
    draw: Draw | None = None
    mcp: dict[str, Mcp] = {}

    def servers(self) -> tuple[McpServer, ...]:
        return tuple(McpServer(name, s.command, s.url, s.allow, s.key_variable, s.usd) for name, s in self.mcp.items())


def place() -> Path:
    return home_folder() / "tools.toml"


def tools_config() -> Settings:
    """The operator's settings; the defaults where there is no such file. Raises BadInput that names the place."""
    file = place()
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise BadInput(f"{file}: not TOML ({error})") from None
    try:
        return Settings.model_validate(document)
    except pydantic.ValidationError as wrong:
        raise settings_error(file, Settings, wrong) from None
