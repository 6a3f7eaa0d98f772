"""Where jielong keeps what it writes, and what the user says once for all folders.

Prompts and answers are nobody else's to read: folders are 0700, files 0600. A home that only happens to lie in the
working directory may have come with somebody's files: it is used when it is the user's own, and what it says about
tools only when it was confirmed.
"""

import os
import re
import stat
import sys
from pathlib import Path

from ..atomic_write import PRIVATE_FOLDER, make_folder, private_opener
from ..errors import BadInput

_OURS = re.compile(
    r"\.gitignore|contamination|indexes|faults\.log|ledger\.db.*|pictures|rejects\.jsonl|runs|tools\.toml"
)


def is_home_chosen() -> bool:
    """Whether the user said where the home is."""
    return bool(os.environ.get("JIELONG_HOME"))


def home_path() -> Path:
    """`JIELONG_HOME`, or `.jielong` in the working directory, which need not be there. Raises BadInput for one in the
    working directory that is somebody else's."""
    if is_home_chosen():
        return Path(os.environ["JIELONG_HOME"])
    home = Path(".jielong")
    for place in (home, home / "ledger.db"):
        if place.is_symlink():
            raise BadInput(f"{place} is a link; if it is yours, set JIELONG_HOME to the folder that it leads to")
    if hasattr(os, "geteuid") and home.exists() and home.stat().st_uid != os.geteuid():
        raise BadInput(f"{home} belongs to another user; set JIELONG_HOME to it if you trust its owner, or to another")
    return home


def home_folder() -> Path:
    """The home, made on first use, closed to other users, and ignored by git."""
    folder = home_path()
    try:
        make_folder(folder)
        if all(_OURS.fullmatch(entry.name) for entry in os.scandir(folder)):
            close_to_others(folder, PRIVATE_FOLDER)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            with open(ignore, "w", opener=private_opener) as file:
                file.write("*\n")
    except OSError as error:
        raise unwritable_home(folder, error.strerror) from None
    return folder


def close_to_others(place: Path, mode: int) -> None:
    """Takes from a file or folder of this user's what is not in `mode`."""
    status = place.stat()
    if hasattr(os, "geteuid") and status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & ~mode:
        place.chmod(stat.S_IMODE(status.st_mode) & mode)


def config_folder() -> Path:
    """The user's own, outside of every project, which need not be there."""
    name, usual = ("APPDATA", "AppData/Roaming") if sys.platform == "win32" else ("XDG_CONFIG_HOME", ".config")
    base = os.environ.get(name, "")
    return (Path(base) if os.path.isabs(base) else Path.home() / usual) / "jielong"


def unwritable_home(folder: Path, why: str | None) -> BadInput:
    return BadInput(f"cannot write to {folder} ({why}); set JIELONG_HOME to a folder you own")
