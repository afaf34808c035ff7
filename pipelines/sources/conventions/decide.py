"""Decides how a source's columns are read, by a survey of all that they hold.

All texts of a column must fit one reading; a way of writing that no more of them have than the source may have bad rows
is a mistake, not a reading. What fits two readings is asked about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from pipelines.runtime.errors import ChurnError
from pipelines.settings.sources import Mapped
from pipelines.sources.conventions.survey import Counts, Survey, mixed, together
from pipelines.sources.expressions.readings import Readings
from pipelines.sources.expressions.time_text import YEAR_FIRST, TimeReading

_ORDERLY = 0.9
_MOST_MISTAKES = 0.05  # of a column; who lets all rows be bad still wants its readings


def decide(found: Survey, section: str, *, share: float, day_first: bool | None, points: bool) -> Readings:
    """The readings of a source's columns.

    Args:
        found: the survey of all its rows.
        section: the setting that questions name, such as `sources.orders`.
        share: of the values of a column, that may be mistakes (0..1).
        day_first: as params.yaml says.
        points: whether 1.250 needs no question: a program wrote the table, with decimal points.

    Raises:
        ChurnError: a question for every column that can be read in several ways.
    """
    questions: list[str] = []
    share = min(share, _MOST_MISTAKES)

    def answered(judge: Callable[[Counts, str], str | TimeReading], counts: Counts, name: str) -> str | TimeReading:
        try:
            return judge(counts, f"params.yaml: {section}: {name!r} ")
        except ChurnError as question:
            questions.extend(one.replace("{section}", section) for one in question.faults)
            return ""

    signs = {
        name: answered(lambda one, at: _sign(one, at, share, points=points), counts, name)
        for name, counts in sorted(found.get("numbers", {}).items())
    }
    times = {
        name: answered(lambda one, at: _time(one, at, share, day_first), counts, name)
        for name, counts in sorted(found.get("times", {}).items())
    }
    if questions:
        raise ChurnError(*questions)
    read = tuple((name, one) for name, one in times.items() if isinstance(one, TimeReading) and one != YEAR_FIRST)
    return Readings(frozenset(name for name, sign in signs.items() if sign == ","), read)


def decide_for(setting: Mapped, section: str, surveys: Iterable[Survey], *, points: bool) -> Readings:
    """`decide` by the surveys of all parts of a source, and by what its section of params.yaml says."""
    told = (one.day_first for one in setting.mappings() if one.day_first is not None)
    share = setting.max_bad_share
    return decide(together(surveys), section, share=share, day_first=next(told, None), points=points)


def _n(counts: Counts, *kinds: str) -> int:
    return sum(counts[kind][0] for kind in kinds if kind in counts)


def _sign(counts: Counts, at: str, share: float, *, points: bool) -> str:
    """What divides whole from fraction."""
    point, comma = _n(counts, "point"), _n(counts, "comma")
    tricky = _n(counts, "tricky_point", "tricky_comma")
    if point or comma:
        if min(point, comma) > share * (point + comma + tricky):
            raise ChurnError(
                f"{at}holds numbers like {counts['point'][1]} ({point:,}) and like {counts['comma'][1]} ({comma:,}), "
                "which no one reading fits. Say what divides whole from fraction with {section}.decimal; the others "
                "become bad rows. Or read the files of each writer as a source of its own."
            )
        return "." if point >= comma else ","
    only_points = not _n(counts, "tricky_comma")
    if not tricky or (only_points and (points or _n(counts, "long"))):
        return "."
    kind = "tricky_point" if only_points else "tricky_comma"
    sign = "." if only_points else ","
    example = counts[kind][1]
    large, small = example.replace(sign, ""), example.replace(sign, ".")
    raise ChurnError(
        f"{at}holds numbers like {example}, which may be {large} or {small}, and none that tells which. Set "
        f'{{section}}.thousands: "{sign}" if they are {large}, {{section}}.decimal: "{sign}" if they are {small}.'
    )


def _time(counts: Counts, at: str, share: float, day_first: bool | None) -> TimeReading:
    """How times are read that are not written year first."""
    every = sum(count for kind, (count, _) in counts.items() if not kind.startswith(("orderly", "of the era")))
    local = [kind for kind in counts if kind.split()[0] in ("day", "month", "either", "sure")]
    enough = share * every
    order = "" if day_first is None else "day" if day_first else "month"
    if not order and _n(counts, *local) > enough:
        order = _order(counts, at, enough)
    serial = _n(counts, "serial") > enough
    return TimeReading(order, serial=serial, buddhist=2 * _n(counts, "of the era") > every)


def _order(counts: Counts, at: str, enough: float) -> str:
    day, month = _n(counts, "day", "day short"), _n(counts, "month", "month short")
    if min(day, month) > enough:
        examples = [
            next(counts[kind][1] for kind in (one, f"{one} short") if kind in counts) for one in ("day", "month")
        ]
        raise ChurnError(
            f"{at}holds dates like {examples[0]} ({day:,}) and like {examples[1]} ({month:,}): in some the day comes "
            "first, in others the month. Say which with {section}.day_first; the others become bad rows. Or read the "
            "files of each writer as a source of its own."
        )
    for kind, day_kind, month_kind in (("either", "day", "month"), ("either short", "day short", "month short")):
        if _n(counts, kind) > enough and not _n(counts, day_kind, month_kind):
            raise ChurnError(_which_is_the_day(counts, at, kind, "day" if day else "month" if month else ""))
    return "month" if month > day else "day"


def _which_is_the_day(counts: Counts, at: str, kind: str, known: str) -> str:
    """The question what comes first. `known`: what does in dates of the column whose years have the other length."""
    answers = {"day": "day_first: true", "month": "day_first: false"}
    if known:  # the other answer would make bad rows of those
        other = {"day": "month", "month": "day"}[known]
        long = other if kind == "either" else known
        formats = mixed(long, clock=any(":" in example for _, example in counts.values()))
        answers[other] = f"time_format: {json.dumps(formats)}"
    orderly = {"day": "orderly day", "month": "orderly month"} | ({other: f"orderly mixed {long}"} if known else {})
    fits = [one for one in ("day", "month") if counts[orderly[one]][0] >= _ORDERLY]
    told = f"fits {answers[fits[0]]}" if len(fits) == 1 else "fits neither better"
    return (
        f"{at}holds dates like {counts[kind][1]}, and none written like them tells the day from the month. Set "
        f"{{section}}.{answers['day']} where the day comes first in them, {{section}}.{answers['month']} where the "
        f"month does. The order of the rows {told}."
    )


def require_kept(section: str, known: Readings, now: Readings) -> None:
    """What was read in one way until now must not be read in another one because other files came.

    Raises:
        ChurnError: a column that had to be read in another way than before.
    """
    former, present = dict(known.times), dict(now.times)
    changed = [
        (name, "day_first", f"{before.order} first", f"{present[name].order} first")
        for name, before in sorted(former.items())
        if name in present and before.order and present[name].order and present[name].order != before.order
    ]
    if changed:
        raise ChurnError(
            *(
                f"params.yaml: {section}: {name!r} was read with the {was} until now; what is there now says {what}. "
                f"Say which with {section}.{setting}, or `churn run --full` if the files were exported anew."
                for name, setting, was, what in changed
            )
        )
