"""A page opened in headless Chromium: what it shows, what it asks for, what it complains about."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
           --disable-component-update --disable-sync --disable-dev-shm-usage"""


@dataclass
class Browser:
    driver: Any

    def open(self, file: Path, *, width: int = 1280, scheme: str = "light") -> None:
        self.driver.get("about:blank")
        self.asked(), self.complaints()  # what came before is not this page's
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme_of = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme_of)
        self.driver.get(file.as_uri())

    def asked(self) -> list[str]:
        """Every address that was asked for since the last look."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def run(self, script: str) -> Any:
        return self.driver.execute_script(script)


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Chromium with a new, empty profile. Without one the test is skipped, or fails where JIELONG_CI is set."""
    if not (CHROMIUM and DRIVER):
        if os.environ.get("JIELONG_CI"):
            pytest.fail("JIELONG_CI is set, and there is no chromium with chromedriver")
        pytest.skip("no chromium with chromedriver here: apt install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS.split(), f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
