"""Hidden and deferred modules: what the block sees, and that nothing of it stays."""

from __future__ import annotations

import importlib
import sys

import pytest

from features.imports import deferred, hidden


@pytest.fixture(autouse=True)
def not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wave", "mailbox"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_a_hidden_module_is_not_found_in_the_block_and_is_afterwards() -> None:
    with hidden("wave"), pytest.raises(ModuleNotFoundError):
        importlib.import_module("wave")
    assert importlib.import_module("wave").open


def test_what_is_imported_already_is_neither_hidden_nor_deferred() -> None:
    wave = importlib.import_module("wave")
    with hidden("wave"), deferred("wave"):
        assert importlib.import_module("wave") is wave
    assert sys.modules["wave"] is wave


def test_a_deferred_module_is_loaded_when_it_is_used() -> None:
    with deferred("mailbox"):
        kept = importlib.import_module("mailbox")
        assert "mailbox" in sys.modules
        assert "Maildir" not in vars(kept)
    assert "mailbox" not in sys.modules
    assert kept.Maildir is importlib.import_module("mailbox").Maildir


def test_it_is_loaded_in_the_block_where_it_is_used_there() -> None:
    with deferred("mailbox"):
        kept = importlib.import_module("mailbox")
        assert kept.Maildir.__module__ == "mailbox"
    assert kept.Maildir is importlib.import_module("mailbox").Maildir


def test_a_package_s_modules_are_found_in_a_deferred_package() -> None:
    names = [name for name in sys.modules if name == "wsgiref" or name.startswith("wsgiref.")]
    kept = {name: sys.modules.pop(name) for name in names}
    try:
        with deferred("wsgiref"):
            assert importlib.import_module("wsgiref.headers").Headers
    finally:
        sys.modules.update(kept)


def test_what_is_not_installed_is_not_deferred() -> None:
    with deferred("no_such_module"), pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_module")
