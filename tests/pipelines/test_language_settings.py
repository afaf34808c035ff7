from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import load

ROOT = Path(__file__).parents[2]


def params(folder: Path, **changed: object) -> Path:
    content = yaml.safe_load((ROOT / "params.yaml").read_text()) | changed
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    return folder / "params.yaml"


@pytest.mark.parametrize("code", ["en", "th"])
def test_a_language_is_one_of_the_files(tmp_path: Path, code: str) -> None:
    assert load(params(tmp_path, language=code)).language == code


def test_another_one_is_named_with_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(
        ChurnError, match=r"language: 'de' is not a language that lists are written in\. Allowed: en, th"
    ):
        load(params(tmp_path, language="de"))
