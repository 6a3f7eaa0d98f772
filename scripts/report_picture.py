"""The pictures of the report in the READMEs: the top of the demo's report page, in both languages.

    python scripts/report_picture.py

Runs the demo once (offline, a few minutes), opens its report in headless Chromium with chromedriver, and writes
docs/images/improve_report.png and improve_report.zh.png, in few colours so that each stays small.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser import browser  # noqa: E402
from jielong.improving.improve_result import ImproveResult  # noqa: E402
from jielong.reporting.improve.report_page import write_page  # noqa: E402

WIDTH, HEIGHT, SCALE = 1100, 1500, 1.5
COLOURS = 96
MAX_BYTES = 200_000


def demo(folder: Path) -> Path:
    """The result of a fresh run of the demo."""
    command = [sys.executable, "-m", "jielong", "demo", "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "JIELONG_HOME": str(folder)})
    return folder / "outcome.json"


def picture(page: Path, profile: Path) -> bytes:
    """The top of the page as PNG."""
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT, "scale": SCALE}
    with browser(profile) as opened:
        opened.open(page, width=WIDTH)
        shot = opened.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True, "clip": clip}
        )
    image = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    compressed = io.BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(compressed, "PNG", optimize=True)
    return compressed.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--result", type=Path, help="outcome.json of a run of the demo; without it, the demo is run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = ImproveResult.from_json(json.loads((arguments.result or demo(folder)).read_text("utf-8")))
        for language, suffix in (("en", ""), ("zh", ".zh")):
            page = folder / f"report{suffix}.html"
            write_page(result, page, language)
            image = picture(page, folder / f"profile{suffix}")
            if len(image) > MAX_BYTES:
                raise SystemExit(f"the picture has {len(image):,} bytes, expected at most {MAX_BYTES:,}")
            target = ROOT / "docs" / "images" / f"improve_report{suffix}.png"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(image)
            print(f"{target.relative_to(ROOT)}: {len(image):,} bytes")


if __name__ == "__main__":
    main()
