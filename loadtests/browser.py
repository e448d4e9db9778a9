"""The Chromium that shows the page to tests, pictures and measurements."""

import shutil

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


def find_chromium() -> str | None:
    """The path of the first Chromium on PATH, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright: Playwright) -> Browser:
    """A headless one.

    Raises:
        FileNotFoundError: when there is none; says how to get it.
    """
    path = find_chromium()
    if path is None:
        raise FileNotFoundError("no Chromium on this machine (apt-get install chromium)")
    return playwright.chromium.launch(executable_path=path, args=FLAGS)
