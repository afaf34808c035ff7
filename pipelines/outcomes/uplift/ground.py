"""The table of figures, and what they rest on: rows, arms, probability, features, what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.effect.uplift import verdict as verdicts
from pipelines.outcomes.uplift import table
from pipelines.outcomes.uplift.arms import BAD
from pipelines.outcomes.uplift.campaign import CAMPAIGN
from pipelines.outcomes.uplift.known_before import IDS, KNOWS_ARM, KNOWS_OUTCOME, ONE_VALUE, WORDS
from pipelines.outcomes.uplift.sentences import coefficient, flag_words, of_a_hundred
from pipelines.rendering.language.language import Language

Figures = Mapping[str, Any]

LEFT_OUT = {
    ONE_VALUE: "Left out, because they are the same everywhere: {columns}.",
    IDS: "Left out, because every row has another value: {columns}.",
    WORDS: "Left out, because they have too many different words: {columns}.",
    KNOWS_OUTCOME: "Left out, because they settle the outcome and so were hardly known before: {columns}.",
    KNOWS_ARM: "Left out, because they settle who was treated: {columns}.",
}


def ground_lines(found: Figures, language: Language) -> list[str]:
    """What the figures rest on: rows, arms, probability, features, what was left out."""
    source, arms = found["source"], found["arms"]
    shares = {name: of_a_hundred(arms[f"{name}_share"] or 0.0, language) for name in ("treated", "control")}
    bad = source["outcome_is"] == BAD
    good = language.say("no {outcome}", outcome=source["outcome"]) if bad else source["outcome"]
    lines = [
        language.say(
            "{treated} treated ({treated_values}), {control} not ({control_values}); of a hundred, {with} and "
            "{without} have the good outcome: {good}.",
            treated=language.number(arms["treated"]),
            control=language.number(arms["control"]),
            treated_values=", ".join(source["treated"]),
            control_values=", ".join(source["control"]),
            good=good,
            **{"with": shares["treated"], "without": shares["control"]},
        ),
        *(_of_campaign(source, language) if source["kind"] == CAMPAIGN else _rows(source, language)),
        *_probability(source, language),
        language.say("Known before: {features}.", features=", ".join(found["features"])),
        *_left_out(found["left_out"], language),
    ]
    return [line for line in lines if line]


def _of_campaign(source: Figures, language: Language) -> list[str]:
    numbers = {name: language.number(source[name]) for name in ("matured_lists", "lists", "other_arms", "no_outcome")}
    lines = [
        language.say(
            "Campaign {name}: {matured_lists} of {lists} lists have matured; {other_arms} customers were sure to be "
            "contacted or left alone, and of {no_outcome} no outcome is known.",
            name=source["name"],
            **numbers,
        ),
        language.say("What was known before is what the ledger keeps of each entry, not all features of that day."),
    ]
    if source["matured_lists"] < source["lists"]:
        text = "Asked again every week until it is proven, this finds what is not there more often than 5 times of 100."
        lines.append(language.say(text))
    return lines


def _rows(source: Figures, language: Language) -> list[str]:
    if not source["other_arms"] and not source["no_outcome"]:
        return []
    text = "Of {rows} rows, {other_arms} are of neither group and {no_outcome} have no outcome."
    return [
        language.say(text, **{name: language.number(source[name]) for name in ("rows", "other_arms", "no_outcome")})
    ]


def _probability(source: Figures, language: Language) -> list[str]:
    if source["probability"] != table.SHARE:
        return []
    return [
        language.say(
            "Everybody is taken to have been treated with the same probability, the share that was; another one is "
            "said by --probability."
        )
    ]


def _left_out(left_out: Figures, language: Language) -> list[str]:
    found = []
    for reason, text in LEFT_OUT.items():
        columns = [name for name, one in left_out.items() if one == reason]
        if columns:
            found.append(language.say(text, columns=", ".join(columns)))
    return found


def figure_rows(found: Figures, language: Language) -> list[list[str]]:
    """The table, its heads first: each ranking's Qini, the model's lead, what treating its top brings of a hundred."""
    if "qini" not in found:
        return []
    names = {
        verdicts.MODEL: language.say("the model"),
        verdicts.FLAG: flag_words(found["flag"], language) if found["flag"] else language.say("best flag"),
        verdicts.RISK: language.say("risk"),
        verdicts.ANYBODY: language.say("as many by lot"),
        verdicts.EVERYBODY: language.say("everybody"),
    }
    heads = [
        language.say("Treat by"),
        language.say("Qini per customer"),
        language.say("the model's lead"),
        language.say("top {share} brings, of a hundred", share=language.percent(found["share"])),
    ]
    return [heads, *(_row(name, said, found, language) for name, said in names.items())]


def judged_line(found: Figures, language: Language) -> str:
    """By how many customers, and at which level."""
    number = language.number(found["judged"])
    return language.say("By {judged} customers that fitted nothing; 95% intervals.", judged=number)


def figure_lines(found: Figures, language: Language) -> list[str]:
    """The table in columns, and by how many customers."""
    rows = figure_rows(found, language)
    if not rows:
        return []
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*lines, judged_line(found, language)]


def _row(name: str, said: str, found: Figures, language: Language) -> list[str]:
    qini, lead, brings = found["qini"].get(name), found["qini_differences"].get(name), found["policies"][name]
    return [
        said,
        _between(qini, "coefficient", coefficient, language),
        _between(lead, "coefficient", coefficient, language),
        _between(brings, "value", of_a_hundred, language),
    ]


def _between(found: Figures | None, name: str, write: Any, language: Language) -> str:
    if found is None:
        return ""
    value, low, high = (write(found[key], language) for key in (name, "low", "high"))
    return f"{value} ({low} … {high})"
