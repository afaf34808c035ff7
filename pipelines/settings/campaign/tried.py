"""Another playbook, in a file of its own: the rules as params.yaml has them, alone or in a whole params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError

from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.playbook import PlaybookRule, never_matching
from pipelines.settings.messages import in_words
from pipelines.settings.types import Section, parse


class Tried(Section):
    """What such a file holds."""

    playbook: Annotated[list[PlaybookRule], Field(min_length=1)]


def read_playbook(path: Path, *, has_contacts: bool) -> list[PlaybookRule]:
    """The rules of a file: a list of rules, or a mapping with `playbook:`, whose other settings are not looked at.

    Raises:
        ChurnError: there is no such file, it is no YAML, or a rule is wrong or can never match; all faults at once.
    """
    try:
        content = parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ChurnError(f"{path}: cannot be read as a text ({error}). Name a file with `playbook:` in it.") from None
    except yaml.YAMLError as error:
        raise ChurnError(
            f"{path}: is not YAML ({str(error).splitlines()[0]}). See docs/own-data/playbook.md."
        ) from None
    rules = content.get("playbook") if isinstance(content, dict) else content
    if not isinstance(rules, list):
        raise ChurnError(f"{path}: holds no playbook. Write its rules under `playbook:`, as params.yaml has them.")
    try:
        found = Tried.model_validate({"playbook": rules}).playbook
    except ValidationError as error:
        faults = in_words(error, Tried, {"playbook": rules})
        raise ChurnError(*(f"{path.name}: {fault}" for fault in faults)) from None
    idle = never_matching(found, has_contacts=has_contacts)
    if idle:
        raise ChurnError(*(f"{path.name}: {fault}." for fault in idle))
    return found
