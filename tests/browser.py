"""Headless Chromium, driven over a pipe (DevTools protocol) with the standard library alone."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--force-device-scale-factor=1",
    "--remote-debugging-pipe",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
)


class Browser:
    """One page in one Chromium; skips the test where there is none."""

    def __init__(self, width: int = 1200, height: int = 800):
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if not program:
            pytest.skip(f"needs a browser: one of {', '.join(NAMES)}")
        self.profile = tempfile.mkdtemp()
        (read, self.to), (self.back, write) = os.pipe(), os.pipe()
        # The browser reads commands from descriptor 3 and answers on 4; a shell puts them there.
        plumbing = f'exec "$@" 3<&{read} 4>&{write} 2>/dev/null'
        self.process = subprocess.Popen(
            [
                "bash",
                "-c",
                plumbing,
                "browser",
                program,
                *FLAGS,
                f"--user-data-dir={self.profile}",
                f"--window-size={width},{height}",
                "about:blank",
            ],
            pass_fds=(read, write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read), os.close(write)
        self.unread, self.number, self.session, self.events = b"", 0, None, []
        page = next(t for t in self("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self(f"{domain}.enable")
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def __call__(self, method: str, **params):
        self.number += 1
        message = dict(
            id=self.number, method=method, params=params, **({"sessionId": self.session} if self.session else {})
        )
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def _next(self) -> dict:
        while b"\0" not in self.unread:
            more = os.read(self.back, 1 << 20)
            assert more, "the browser has gone"
            self.unread += more
        message, self.unread = self.unread.split(b"\0", 1)
        return json.loads(message)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.to), os.close(self.back)
        shutil.rmtree(self.profile, ignore_errors=True)

    def run(self, script: str):
        """The value of a JavaScript expression; promises are awaited."""
        answer = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(
        self, path: Path, until: str = "document.documentElement?.dataset.ready === 'yes'", seconds: float = 30
    ) -> None:
        self.events.clear()
        self("Page.navigate", url=Path(path).resolve().as_uri())
        self.wait(until, seconds)

    def wait(self, condition: str, seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < end, (
                f"not within {seconds} s: {condition}; the page says {self.run('document.body?.innerText')!r}"
            )
            time.sleep(0.02)

    def picture(self) -> np.ndarray:
        """(H, W, 3) uint8 of what is on the screen, after two frames."""
        from PIL import Image

        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        data = base64.b64decode(self("Page.captureScreenshot", format="png")["data"])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def mouse(self, kind: str, x: float, y: float, **more) -> None:
        self("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.mouse("mousePressed", *start, button="left", clickCount=1)
        self.mouse("mouseMoved", *end, button="left", buttons=1)
        self.mouse("mouseReleased", *end, button="left", clickCount=1)

    def addresses(self) -> list[str]:
        """Everything the page asked for."""
        return [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]

    def errors(self) -> list[str]:
        return [
            str(e["params"])
            for e in self.events
            if e.get("method") == "Runtime.exceptionThrown"
            or e.get("method") == "Runtime.consoleAPICalled"
            and e["params"]["type"] == "error"
        ]
