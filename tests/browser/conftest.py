"""Debian's Chromium, driven by playwright, on a built site that is served on a free port.

``make test-browser`` runs these tests; they are marked ``browser``, and so left out unless asked
for. The site is ``_build/html``, unless the environment variable SITE names another.
"""

import os

import pytest
from visiting import CHROMIUM, SITE, Visit, served


@pytest.fixture(scope="session")
def site():
    """The address of the site that is tested."""
    if not (SITE / "book").is_dir():
        pytest.exit(f"no built site in {SITE}: make book", returncode=2)
    with served(SITE) as address:
        yield address


@pytest.fixture
def clock():
    """For tests that time a page: not where other work has the machine."""
    if os.getloadavg()[0] > 2 * os.cpu_count():
        pytest.skip("this machine is too busy to time a page")


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install -e .[browser]")
    if not CHROMIUM:
        pytest.exit("no chromium: apt-get install chromium, or set CHROMIUM", returncode=2)
    with playwright.sync_playwright() as p:
        # It can ask nobody but this machine; that a page tried is one of its faults.
        alone = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
        chromium = p.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", alone]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def standing(browser, site, request):
    """The figure that a module of tests is about: its PAGE and NAME, opened once."""
    view = Visit(browser, site)
    view.open(request.module.PAGE)
    yield view, view.figure(request.module.NAME)
    view.context.close()


@pytest.fixture
def stage(standing):
    """That figure's stage, as it was at first; fail if anything went wrong on its page."""
    view, stage = standing
    view.page.evaluate("document.documentElement.dataset.theme = 'light'")
    stage.live("reset()")
    yield stage
    assert not view.faults, "\n".join(view.faults)


@pytest.fixture
def visit(browser, site):
    """Open watched pages, ``visit(width=390, theme="dark")``; fail if any of them had a fault."""
    visits = []

    def make(**options):
        visits.append(Visit(browser, site, **options))
        return visits[-1]

    yield make
    for each in visits:
        each.context.close()
    faults = [fault for each in visits for fault in each.faults]
    assert not faults, "\n".join(faults)
