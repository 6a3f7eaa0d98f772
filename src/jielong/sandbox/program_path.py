"""Where a program is that we start ourselves."""

import os
import shutil


def find_program(name: str) -> str | None:
    """Its absolute path; never in the folder that one happens to stand in, even where PATH or Windows names that."""
    folders = filter(os.path.isabs, os.environ.get("PATH", os.defpath).split(os.pathsep))
    return next((file for folder in folders if (file := shutil.which(os.path.join(folder, name)))), None)
