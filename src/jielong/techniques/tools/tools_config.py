"""`tools.toml`: what the operator says about tools that reach outside. A recipe only names a tool.

It may start commands, so it is read where only the user writes: in `JIELONG_HOME`, or else in the user's own folder of
settings (`~/.config/jielong`). One in the working directory's `.jielong` counts when it was confirmed.

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

import hashlib
import os
import tomllib
from pathlib import Path

import pydantic

from ...atomic_write import make_folder, private_opener
from ...errors import BadInput
from ...regular_files import read_regular_file
from ...runtime.home import config_folder, home_path, is_home_chosen
from ...settings_error import settings_error
from .mcp_servers import McpServer
from .web_search import Kind

FILE, CONFIRMED = "tools.toml", "confirmed"


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
    """Where the operator's settings belong: `JIELONG_HOME`, or the user's own folder of settings."""
    return (home_path() if is_home_chosen() else config_folder()) / FILE


def tools_config() -> Settings:
    """The operator's settings; the defaults where there are none. Raises BadInput that names the place."""
    file = file_of_this_folder() or place()
    if not os.path.lexists(file):
        return Settings()
    text = read_settings(file)
    if file != place() and not is_confirmed(file, text):
        raise BadInput(
            f"{file} came with this folder, and what it says about tools was not confirmed; "
            f"confirm it with jielong doctor --confirm, or write what you want into {place()}"
        )
    try:
        return Settings.model_validate(tomllib.loads(text))
    except pydantic.ValidationError as wrong:
        raise settings_error(file, Settings, wrong) from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{file}: not TOML ({error})") from None


def read_settings(file: Path) -> str:
    try:
        return read_regular_file(file).decode()
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{file}: not TOML ({error})") from None


def file_of_this_folder() -> Path | None:
    """The settings that lie in the working directory, where anybody may have put them; there are none of them where
    the user chose the home."""
    file = home_path() / FILE
    return file if not is_home_chosen() and os.path.lexists(file) else None


def is_confirmed(file: Path, text: str) -> bool:
    """Whether this user has said yes to these very words at this place."""
    record = config_folder() / CONFIRMED
    try:
        return _digest(file, text) in record.read_text("utf-8").split()
    except FileNotFoundError:
        return False


def confirm(file: Path, text: str) -> None:
    """From now on they may say which commands start and what is reached."""
    record = config_folder() / CONFIRMED
    make_folder(record.parent)
    with open(record, "a", encoding="utf-8", opener=private_opener) as stream:
        stream.write(_digest(file, text) + "\n")


def _digest(file: Path, text: str) -> str:
    """Of the place, too: commands may be paths from there."""
    return hashlib.sha256(f"{file.resolve()}\0{text}".encode()).hexdigest()
