"""The `activities:` of params.yaml: what one's own activities mean and are called."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pipelines.settings.types import Section

Words = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^{}<>;]*$", strip_whitespace=True)]


class ActivityWords(Section):
    """What an activity means for a customer, and how it is called where people read of it.

    `burden`: true where more of it is bad news (a failed payment), false where it is good news, `neither` where it is
    done to customers and says nothing of them. `noun`: for one of it and for several. `did`: what happened, where the
    activity itself is named. What is left out follows from the activity's name.
    """

    burden: bool | Literal["neither"] | None = None
    noun: Annotated[list[Words], Field(min_length=2, max_length=2)] | None = None
    did: Words | None = None
