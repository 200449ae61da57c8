"""Headless Chromium, Debian's."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.debian import program

REQUIRED = os.environ.get("SMALTI_BROWSER") == "required"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run")  # fmt: skip


@contextmanager
def opened_browser(offline: bool) -> Iterator[Page]:
    """Yields an empty page; skips the test where there is no Chromium, unless SMALTI_BROWSER=required installs it."""
    chromium = shutil.which("google-chrome") or program("chromium", "chromium", REQUIRED)
    if chromium is None:
        pytest.skip("needs Chromium; SMALTI_BROWSER=required installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        context = browser.new_context(viewport={"width": 1250, "height": 900}, offline=offline)
        yield context.new_page()
        browser.close()
