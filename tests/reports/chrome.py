"""A browser on a pipe: opens a file, runs a script in it, and keeps what it complains of and what it asks for."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
FOUND = next(filter(None, map(shutil.which, NAMES)), None)
LONGEST = 60_000


class Chrome:
    """A running browser without a window; ``close`` ends it."""

    def __init__(self, profile: Path) -> None:
        assert FOUND is not None
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        arguments = [
            FOUND, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
            "--remote-debugging-pipe",
        ]  # fmt: skip
        # The protocol is spoken on the descriptors 3 and 4.
        command = f"exec {shlex.join(arguments)} 3<&{to_browser} 4>&{from_browser}"
        self._process = subprocess.Popen(
            ["bash", "-c", command],
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        """End the browser."""
        self.ask("Browser.close")
        os.close(self._write)
        os.close(self._read)
        self._process.wait(timeout=60)

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send one message and return its answer; events that come in between are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        text = json.dumps(message if session is None else message | {"sessionId": session})
        os.write(self._write, text.encode() + b"\0")
        return self._until(lambda found: found.get("id") == self._number)

    def wait(self, event: str) -> dict[str, Any]:
        """Return the next event of a name."""
        return self._until(lambda found: found.get("method") == event)

    def _until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            while b"\0" not in self._rest:
                part = os.read(self._read, 1 << 20)
                assert part, "the browser has gone"
                self._rest += part
            text, self._rest = self._rest.split(b"\0", 1)
            found = json.loads(text)
            self.events.append(found)
            if wanted(found):
                assert "error" not in found, found
                return found

    def page(self, file: Path, script: str, *, width: int = 1280, height: int = 800, before: str = "") -> Any:
        """Open a file in a window of a size and return what a script gives, awaited; ``before`` runs first of all."""
        self.events.clear()
        target = self.ask("Target.createTarget", url="about:blank")["result"]["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["result"]["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable", session)
        self.ask("Page.addScriptToEvaluateOnNewDocument", session, source=before)
        self.ask(
            "Emulation.setDeviceMetricsOverride", session, width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self.ask("Page.navigate", session, url=file.as_uri())
        self.wait("Page.loadEventFired")
        answer = self.ask(
            "Runtime.evaluate", session, expression=script, awaitPromise=True, returnByValue=True, timeout=LONGEST
        )["result"]
        assert "exceptionDetails" not in answer, answer
        self.ask("Target.closeTarget", targetId=target)
        return answer["result"].get("value")

    @property
    def complaints(self) -> list[str]:
        """Errors and breaches of the page's policy since a file was opened."""
        found = []
        for event in self.events:
            told = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(told["exceptionDetails"]))
            elif event.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
                found.append(told["entry"]["text"])
            elif event.get("method") == "Runtime.consoleAPICalled" and told["type"] in ("error", "assert"):
                found.append(json.dumps(told["args"]))
        return found

    @property
    def requests(self) -> list[str]:
        """Addresses asked for since a file was opened, but for data inside the page."""
        asked = [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in asked if not url.startswith(("data:", "blob:"))]
