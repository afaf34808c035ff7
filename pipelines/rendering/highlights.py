"""The key figures above the list, and how far to trust them, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from models.decision import ranking
from models.decision.control_group import CONTROL
from pipelines.rendering.context import Week
from pipelines.rendering.language.language import Language
from pipelines.rendering.scorer import QUICK, is_rule, rule_in_words, who_scores
from pipelines.settings.campaign.at_risk import AtRisk

if TYPE_CHECKING:
    import pandas as pd

VERDICTS = {
    "A": ("Good", "Clearly better than the best simple rule."),
    "B": ("Fair", "Better than the best simple rule, but not in every respect."),
    "C": ("Use with care", "Not proven to be better than the best simple rule. Take the order as a rough guide."),
}
UNTESTED = "Not tested on a later time than it learned from. Take its figures as a rough guide."
RULE_SCORES = ("A simple rule", "No model was better than it on earlier moments, so the rule scores.")
NOTHING_RANKS = ("No order by risk", "Nothing tells yet who leaves from who stays.")
BEST_RULE = "The best simple rule was {rule}."
RISKIEST = (
    "Tested on a later time: of every 100 customers it put in the riskiest tenth, {left} did leave. Picked at random, "
    "{random} would have."
)
ORDERED = (
    "Shown one customer who left and one who stayed, it gave the one who left the higher risk {times} times out of "
    "100. Guessing gets 50."
)
OFF = "Its percentages were off by {points} points on average."


def figures(
    table: pd.DataFrame, scores: pd.DataFrame, at_risk: AtRisk, *, bound: str, spread: float | None = None
) -> dict[str, Any]:
    """Counts, shares (0..1) and money of this list and of everyone who was scored. Money is null without any.

    Args:
        table: the list.
        scores: of everyone.
        at_risk: settings of the list.
        bound: what ended the list, see `models.decision.cut.Cut`.
        spread: how wrong the level of a moment can be (log-odds, see `models.learners.level`); None where the model
            does not know: then nothing says between which numbers of leavers to expect.
    """
    base = ranking.base_rate(scores)
    floors = ranking.tier_floors(base, at_risk.tiers.odds())
    tiers = table["risk_tier"].value_counts()
    money = ranking.has_money(scores)
    return {
        "listed": len(table),
        "eligible": len(scores),
        "capacity": at_risk.capacity,
        "bound": bound,
        "base_rate": round(base, 6),
        "expected_leavers": round(float(scores["churn_probability"].sum()), 1),
        "expected_leavers_listed": round(float(table["churn_probability"].sum()), 1),
        "leavers_interval": _interval(scores, spread),
        "leavers_interval_listed": _interval(table, spread),
        "value_at_risk": round(float(scores["value_at_risk"].sum()), 2) if money else None,
        "value_at_risk_listed": round(float(table["value_at_risk"].sum()), 2) if money else None,
        "cut": _cut(table, money=money),
        "tiers": {
            name: {"from": round(floor, 6), "listed": int(tiers.get(name, 0))}
            for name, floor in {**floors, ranking.LOWEST_TIER: 0.0}.items()
        },
    }


def _interval(table: pd.DataFrame, spread: float | None) -> dict[str, float] | None:
    """Between which numbers of these leave, 9 times out of 10; None where that is not known."""
    if spread is None or table.empty:
        return None
    from models.learners.moment_effects import leaving

    low, high = leaving(table["churn_probability"].to_numpy(dtype="float64"), spread)
    return {"low": round(low, 1), "high": round(high, 1)}


def between(interval: Mapping[str, float] | None, language: Language) -> str:
    """An interval of `figures` as a sentence; "" where there is none."""
    if interval is None:
        return ""
    low, high = (language.number(round(interval[end])) for end in ("low", "high"))
    return language.say("9 times out of 10 it is between {low} and {high}.", low=low, high=high)


def leavers_in_words(figures: Mapping[str, Any], language: Language) -> str:
    """How many on the list leave, and between which numbers; `figures` as the manifest has them."""
    text = language.say(
        "About {leave} of the {listed} on the list leave if nothing changes.",
        leave=language.number(round(figures["expected_leavers_listed"])),
        listed=language.number(figures["listed"]),
    )
    return f"{text} {between(figures.get('leavers_interval_listed'), language)}".strip()


def _cut(table: pd.DataFrame, *, money: bool) -> float:
    """The value at risk of the last customer on the list, or their probability where there is no money."""
    return float(table["value_at_risk" if money else "churn_probability"].iloc[-1])


def net_value(table: pd.DataFrame) -> float | None:
    """What acting on the whole list is expected to bring; None where nobody has a figure."""
    if "expected_net_value" not in table or table["expected_net_value"].isna().all():
        return None
    return round(float(table["expected_net_value"].astype("float64").sum()), 2)


def last_list(entries: pd.DataFrame) -> dict[str, Any] | None:
    """The newest published list in the ledger's `entries`; None where none was published.

    Returns:
        `as_of` (ISO day), `customers` (ids that were to be contacted), `value_at_risk` (their sum, None without money).
    """
    import pandas as pd

    if entries.empty:
        return None
    days = pd.to_datetime(entries["as_of"])
    chosen = entries[(days == days.max()) & (entries["group"] != CONTROL)]
    worth = chosen["value_at_risk"].astype("float64")
    return {
        "as_of": f"{days.max():%Y-%m-%d}",
        "customers": sorted(chosen["customer_id"].astype(str)),
        "value_at_risk": None if worth.isna().all() else round(float(worth.sum()), 2),
    }


def changes_since(table: pd.DataFrame, last: Mapping[str, Any]) -> dict[str, Any]:
    """This list against the last published one: how many are new, stayed and went, and the change in money at risk."""
    now, then = set(table["customer_id"].astype(str)), set(last["customers"])
    worth = table["value_at_risk"].astype("float64")
    before = last.get("value_at_risk")
    return {
        "as_of": last["as_of"],
        "more": len(now) - len(then),
        "new": len(now - then),
        "stayed": len(now & then),
        "gone": len(then - now),
        "value_more": None if before is None or worth.isna().all() else round(float(worth.sum()) - before, 2),
    }


def trust(metrics: Mapping[str, Any], version: str = "", language: Language | None = None) -> dict[str, Any]:
    """How far to trust the model, from the champion's own test: `verdict`, `short` (a sentence), `lines` (why).

    `answers`: none here, see `rendering/trust.py`.

    `version`: a sentence on which version scored; the last of the lines.
    """
    language = language or Language()
    test, last = metrics.get("test"), [version] if version else []
    if not test:
        return {"verdict": language.say("Not tested"), "short": language.say(UNTESTED), "lines": last, "answers": []}
    grade, scored_by = metrics.get("grade") or {}, metrics.get("scored_by")
    verdict, short = VERDICTS.get(str(grade.get("grade")), ("Tested", ""))
    if scored_by and is_rule(scored_by):
        verdict, short = RULE_SCORES if scored_by["ranks"] else NOTHING_RANKS
    best = str(grade.get("best_baseline", ""))
    leavers, random = (_of_100(test[name], language) for name in ("precision_at_10", "churn_rate"))
    lines = [language.say(RISKIEST, left=leavers, random=random)]
    if test["roc_auc"] is not None:
        lines.append(language.say(ORDERED, times=_of_100(test["roc_auc"], language)))
    lines.append(language.say(OFF, points=f"{test['ece'] * 100:.1f}"))
    lines += [language.say(BEST_RULE, rule=rule_in_words(best, language))] if best else []
    lines += who_scores(scored_by, language)
    said = {"verdict": language.say(verdict), "short": language.say(short) if short else ""}
    return {**said, "lines": lines + last, "answers": []}


def _of_100(share: float, language: Language) -> str:
    return language.percent(share).removesuffix("%")


def context_lines(week: Week, language: Language) -> list[str]:
    """Sentences on the customers who are not on the list, and on what the campaign will be able to prove."""
    say, count = language.say, language.count
    lines = []
    if week.suppressed:
        rules = "; ".join(
            f"{say(rule.replace('_', ' '))}: {language.number(number)}" for rule, number in week.suppressed.items()
        )
        suppressed = count(sum(week.suppressed.values()), "customer", "customers")
        lines.append(
            say(
                "Kept off the list by the contact rules, in held_back.csv: {kept} ({rules}).",
                kept=suppressed,
                rules=rules,
            )
        )
    if week.control:
        control = count(week.control, "customer", "customers")
        lines.append(
            say("Left alone on purpose, so that the effect can be measured, in control.csv: {kept}.", kept=control)
        )
    if week.win_back:
        gone = count(week.win_back, "customer", "customers")
        lines.append(say("Have left already and are not on this list, in win_back.csv: {gone}.", gone=gone))
    if week.ordered_since:
        came = count(week.ordered_since, "customer", "customers")
        lines.append(say("Taken off at the last moment because they came back since: {came}.", came=came))
    return lines + [sentence for sentence in (week.power, week.learnt, week.next_100) if sentence]


def figure_lines(
    table: pd.DataFrame, figures: Mapping[str, Any], trust: Mapping[str, Any], week: Week, language: Language
) -> list[tuple[str, object, str]]:
    """The figures of the week as a sheet shows them: label, value, kind (see `columns.kind`).

    `figures`, `trust`: what the functions of these names return.
    """
    say = language.say
    rows: list[tuple[str, object, str]] = [
        (say("The list is for"), table["as_of"].iloc[0], "day"),
        (say("Customers on the list"), figures["listed"], "number"),
        (say("Active customers in all"), figures["eligible"], "number"),
        (
            say("Of those on the list, expected to leave if nothing changes"),
            figures["expected_leavers_listed"],
            "number",
        ),
        ("", between(figures["leavers_interval_listed"], language) or None, "text"),
        (say("Of all active customers, expected to leave if nothing changes"), figures["expected_leavers"], "number"),
        ("", between(figures["leavers_interval"], language) or None, "text"),
        (say("Average risk of leaving"), figures["base_rate"], "chance"),
        (say("Money at risk on the list"), figures["value_at_risk_listed"], "money"),
        (say("Money at risk among all active customers"), figures["value_at_risk"], "money"),
        (say("What acting on the list is expected to bring"), net_value(table), "money"),
    ]
    rows += [(say("Risk {tier}", tier=say(name)), tier["listed"], "number") for name, tier in figures["tiers"].items()]
    if week.last:
        change = changes_since(table, week.last)
        rows += [
            (say("New since the list of {day}", day=language.day(change["as_of"])), change["new"], "number"),
            (say("No longer on it"), change["gone"], "number"),
            (say("More money at risk than on it"), change["value_more"], "money"),
        ]
    rows += [("", say(QUICK), "text")] if week.quick else []
    rows += [(say("How far to trust it"), f"{trust['verdict']}. {trust['short']}".strip(), "text")]
    rows += [(one["title"], one["said"], "text") for one in trust["answers"]]
    rows += [("", line, "text") for line in (*trust["lines"], *context_lines(week, language))]
    return [row for row in rows if row[1] is not None]
