"""The browser that the page is opened in, and the one line that says what is missing for it."""

from __future__ import annotations

import shutil

import pytest


def require_chromium() -> str:
    """Where the browser is; skips the module where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "the page was not opened: install Chromium (Debian: apt-get install chromium) or Google Chrome"
        pytest.skip(reason, allow_module_level=True)
    return found
