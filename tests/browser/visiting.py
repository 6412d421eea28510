"""Pages of the built site under watch, and the live figures on them, worked by their controls."""

import functools
import http.server
import math
import os
import re
import shutil
import threading
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
SITE = ROOT / os.environ.get("SITE", "_build/html")
HEIGHTS = {1280: 900, 390: 844}
READER = Path(__file__).with_name("reader.js").read_text("utf-8")
# What a machine of one's own must do; one of continuous integration is shared, and gets more time.
PATIENCE, FRAMES = (2, 50) if os.environ.get("CI") else (1, 60)
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def live_figures():
    """Return the page and the name of each live figure of the built site."""
    pages = {p.relative_to(SITE).as_posix(): p.read_text("utf-8") for p in SITE.glob("book/*.html")}
    stage = re.compile(r'class="live-stage" id="live-([^"]+)"')
    return [(path, name) for path in sorted(pages) for name in stage.findall(pages[path])]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that prints nothing."""

    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """Serve a folder on a free port of this machine; yield its address."""
    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def wait_until(page, condition):
    """Wait until an expression holds. (wait_for_function evaluates it by what a page forbids.)"""
    end = time.monotonic() + 30
    while not page.evaluate(f"!!({condition})"):
        assert time.monotonic() < end, f"{condition} does not come true"
        page.wait_for_timeout(20)


class Visit:
    """A page under watch: ``faults`` collects what no page may do, ``asked`` what it asks for."""

    def __init__(self, browser, site, width=1280, theme="light", motion="no-preference"):
        self.site = site
        self.faults, self.asked = [], []
        self.context = browser.new_context(
            viewport={"width": width, "height": HEIGHTS[width]},
            color_scheme=theme,
            reduced_motion=motion,
            has_touch=width < 500,
        )
        self.page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)
        self.page.on("request", self._asked)
        self.page.add_init_script(READER)

    def _heard(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text}")

    def _failed(self, request):
        if request.failure != "net::ERR_ABORTED":  # which is what a visitor who goes on does
            self.faults.append(f"failed request: {request.url}: {request.failure}")

    def _answered(self, response):
        if response.status >= 400:
            self.faults.append(f"status {response.status}: {response.url}")

    def _asked(self, request):
        self.asked.append(request)
        if not request.url.startswith((f"{self.site}/", "data:", "blob:")):
            self.faults.append(f"third-party request: {request.url}")

    def open(self, path):
        self.page.goto(f"{self.site}/{path}", wait_until="load")
        return self.page

    def figure(self, name):
        """Scroll to a live figure, in a closed answer too, and wait until it stands; return it."""
        self.page.eval_on_selector_all(
            f".predict-answer:has(#live-{name})", "all => all.forEach((fold) => (fold.open = true))"
        )
        self.page.locator(f"figure.live:has(#live-{name})").scroll_into_view_if_needed()
        stage = self.page.locator(f"#live-{name}")
        stage.and_(self.page.locator("[data-ready]")).wait_for()
        return Stage(self.page, name, stage)


class Stage:
    """A live figure: its handle in the page, and its controls by their names."""

    def __init__(self, page, name, locator):
        self.page, self.name, self.locator = page, name, locator

    def live(self, call):
        """Return what ``element.live.CALL`` gives: ``state``, or ``set({turns: 2})``."""
        return self.locator.evaluate(f"stage => stage.live.{call}")

    def number(self, label):
        """Return the text of the readout with this name, once the next frame is drawn."""
        self.page.evaluate("new Promise(requestAnimationFrame)")
        output = self.locator.locator("output").and_(self.page.get_by_label(label, exact=True))
        return output.text_content()

    def drag(self, control, dx, dy):
        """Drag the middle of a control by so many pixels, with the mouse, in eight moves."""
        box = control.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=8)
        self.page.mouse.up()

    def frame_rate(self, control, seconds=0.5):
        """Drag a control to and fro with the mouse; return the frames a second meanwhile."""
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.evaluate("reader.watchFrames()")
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < seconds:
            way = 40 * math.sin(2 * math.pi * passed / seconds)
            self.page.mouse.move(x + way, y + way / 2)
        rate = self.page.evaluate("reader.frameRate()")
        self.page.mouse.up()
        return rate

    def press(self, control, key, times=1):
        """Press a key on a control."""
        control.focus()
        for _ in range(times):
            control.press(key)

    def drawing_time(self):
        """Return the milliseconds that a frame takes to draw: the median of 30."""
        return self.locator.evaluate(
            """stage => {
                const times = Array.from({ length: 30 }, () => {
                    const begin = performance.now();
                    stage.live.draw();
                    return performance.now() - begin;
                });
                return times.sort((a, b) => a - b)[15];
            }"""
        )

    def slider(self, label):
        return self.locator.get_by_role("slider", name=label, exact=True)

    def button(self, name):
        return self.locator.get_by_role("button", name=name, exact=True)

    def radio(self, name):
        return self.locator.get_by_role("radio", name=name, exact=True)
