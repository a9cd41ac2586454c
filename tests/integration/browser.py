# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium through chromedriver's own protocol (W3C WebDriver), with nothing but `requests`."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from missing import missing

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en-US",
)
TAB, ENTER, SLASH = "\ue004", "\ue007", "/"


class Browser:
    """One session. Paths are those of the WebDriver standard."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = requests.Session()
        self._http.trust_env = False

    def call(self, method: str, path: str, **body: Any) -> Any:
        answer = self._http.request(method, f"{self._url}{path}", json=body if method == "POST" else None, timeout=60)
        value = answer.json()["value"]
        if not answer.ok:
            raise RuntimeError(f"{path}: {value['message']}")
        return value

    def open(self, file: Path) -> None:
        self.call("POST", "/url", url=file.absolute().as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that a function body returns; a promise is awaited."""
        return self.call("POST", "/execute/sync", script=script, args=list(arguments))

    def find(self, selector: str) -> str:
        return str(self.call("POST", "/element", using="css selector", value=selector)[_ELEMENT])

    def type(self, selector: str, text: str) -> None:
        self.call("POST", f"/element/{self.find(selector)}/value", text=text)

    def click(self, selector: str) -> None:
        self.call("POST", f"/element/{self.find(selector)}/click")

    def press(self, *keys: str) -> None:
        """Keys as they come from a keyboard, to whatever has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self.call("POST", "/goog/cdp/execute", cmd=command, params=parameters)

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What was logged since the last call: "browser" (console) or "performance" (DevTools events)."""
        entries: list[dict[str, Any]] = self.call("POST", "/se/log", type=kind)
        return entries

    def requests_made(self) -> list[str]:
        """By any page since the last call, but for the browser's own, which may still be loading after its start."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [each["request"]["url"] for each in sent if not each["documentURL"].startswith("chrome://")]

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, or a skip with its reason; in CI its absence is a failure."""
    driver, binary = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
    if not driver or not binary:
        missing("the archive's pages in a browser", "sudo apt-get install chromium chromium-driver")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, subprocess.Popen(
        [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            port = _port(process)
            options = {"binary": binary, "args": [*_FLAGS, f"--user-data-dir={folder}", "--window-size=1280,900"]}
            capabilities = {
                "browserName": "chrome", "goog:chromeOptions": options,
                "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
            }
            root = f"http://127.0.0.1:{port}/session"
            session = Browser(root).call("POST", "", capabilities={"alwaysMatch": capabilities})["sessionId"]
            browser = Browser(f"{root}/{session}")
            try:
                yield browser
            finally:
                browser.call("DELETE", "")
        finally:
            process.terminate()


def _port(process: subprocess.Popen[str]) -> str:
    """The port that chromedriver says it took; then its output is drained."""
    output = process.stdout
    if output is None:
        raise RuntimeError("chromedriver has no output")
    for line in output:
        if "successfully on port" in line:
            threading.Thread(target=output.read, daemon=True).start()
            return line.rsplit(" ", 1)[1].strip(" .\n")
    raise RuntimeError("chromedriver did not start")
