"""What lists and campaigns achieved, as one self-contained HTML page: offline, without scripts and requests.

The manner is that of the list's page: its style, a strict content policy, pictures where people would rather look than
read, every figure in words as well. Equal figures give equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.effect.verdicts import WITHHELD
from pipelines.outcomes.charts import effect_over_looks, look_words
from pipelines.outcomes.performance import CONTROL_GROUP
from pipelines.rendering.campaign_sentences import campaign_lines, first_line, signed
from pipelines.rendering.language.language import Language
from pipelines.rendering.page import charts, list_page

HERE = Path(__file__).parent
MOST_LISTS = 26


def page(content: Mapping[str, Any], language: Language) -> str:
    """The page of what `report.report` gives."""
    import jinja2

    style = _style()
    loader = jinja2.FileSystemLoader(HERE)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, loader=loader)
    return environment.get_template("page.html.jinja").render(
        policy=list_page.content_policy(style),
        style=style,
        code=language.code,
        plot=charts.PLOT,
        words=_words(language),
        known=first_line(content, language),
        campaigns=[_campaign(one, language) for one in content["campaigns"]],
        calibrations=[_calibration(one, language) for one in content["calibration"]],
        lists=[_list(row, language) for row in reversed(content["lists"][-MOST_LISTS:])],
    )


def _style() -> str:
    own = (HERE / "page.css").read_text(encoding="utf-8")
    return (Path(list_page.__file__).parent / "list_page.css").read_text(encoding="utf-8") + own


def _words(language: Language) -> dict[str, str]:
    say = language.say
    return {
        "title": say("What the lists achieved"),
        "campaign": say("Campaign"),
        "over_time": say("The effect, week after week"),
        "helps": say("In points. Above the line fewer of the contacted left; the bar says what the data allow for."),
        "counts": say("Counts"),
        "group": say("Group"),
        "customers": say("Customers"),
        "left": say("Left"),
        "share": say("Share"),
        "by_group": say("By action, kind of customer and channel"),
        "believed": say("To be believed"),
        "between": say("between"),
        "calibration": say("Were its percentages right?"),
        "predicted": say("it said"),
        "observed": say("did leave"),
        "acting": say(
            "Acting on a list changes what happens: a customer who was kept looks as if the list was wrong. So a list "
            "that was acted upon is judged by its control group."
        ),
        "lists": say("List by list"),
        "list": say("List"),
        "matures": say("Outcome known from"),
        "to_contact": say("To contact"),
        "held_out": say("Control group"),
        "of_listed": say("Left of those to contact"),
        "judged": say("Judged by"),
        "money": say("Money at risk, and lost"),
        "looks": say("Every look in words"),
    }


def _campaign(found: Mapping[str, Any], language: Language) -> dict[str, Any]:
    lines = campaign_lines(found, language)
    share, withheld = found.get("share_left"), found["verdict"] == WITHHELD
    arms = (
        [
            _arm(language.say(name), share[key], language)
            for name, key in (("Contacted", "contact"), ("Control group", "control"))
        ]
        if share
        else []
    )
    return {
        "name": found["campaign"],
        "lead": lines[0],
        "further": lines[1:],
        "verdict": found["verdict"].replace("_", "-"),
        "arms": arms,
        "picture": None if withheld else effect_over_looks(found["looks"], language),
        "looks": [look_words(look, language) for look in found["looks"] if look["low"] is not None and not withheld],
        **_groups(None if withheld else found.get("by_group"), language),
    }


def _arm(name: str, arm: Mapping[str, Any], language: Language) -> dict[str, str]:
    share = "" if arm["share"] is None else language.percent(arm["share"])
    customers, left = language.number(arm["customers"]), language.number(arm["left"])
    return {"name": name, "customers": customers, "left": left, "share": share}


def _groups(found: Mapping[str, Any] | None, language: Language) -> dict[str, Any]:
    if not found or not found["groups"]:
        return {"groups": [], "multiplicity": ""}
    rows = [
        {
            "name": language.say(str(row["name"])),
            "contact": _arm("", row["contact"], language),
            "control": _arm("", row["control"], language),
            **{key: signed(row["believed"][key], language) for key in ("effect", "low", "high")},
        }
        for row in found["groups"]
    ]
    said = language.say(
        "These are {number} comparisons of one campaign, and none of them is a claim. Each effect is moved towards the "
        "others of its kind, the more the fewer customers it has.",
        number=language.number(found["comparisons"]),
    )
    proven = [language.say(str(row["name"])) for row in found["groups"] if row["is_claimed"]]
    if proven:
        names = ", ".join(proven)
        said += " " + language.say("Proven by itself, all comparisons allowed for: {names}.", names=names)
    return {"groups": rows, "multiplicity": said}


def _calibration(found: Mapping[str, Any], language: Language) -> dict[str, Any]:
    groups = [{"promised": one["predicted"], "observed": one["observed"]} for one in found["deciles"]]
    customers = language.number(sum(one["customers"] for one in found["deciles"]))
    lists = language.count(found["lists"], "list", "lists")
    note = language.say("{lists} together, {customers} predictions.", lists=lists, customers=customers)
    return {"name": found["definition"], "bars": charts.calibration_bars(groups, language), "note": note}


def _list(row: Mapping[str, Any], language: Language) -> dict[str, str]:
    cells = {
        "day": language.day(row["as_of"]),
        "matures": language.day(row["matures_on"])
        if row["matures_on"]
        else language.say("never: its definition is gone"),
        "contact": language.number(row["customers"]["contact"]),
        "control": language.number(row["customers"]["control"]),
        "hits": "",
        "judged": "",
        "money": "",
    }
    return cells | (_matured(row, language) if row["matured"] else {})


def _matured(row: Mapping[str, Any], language: Language) -> dict[str, str]:
    hits, judged, money = row["hits"], row["judged"], row["money"]
    whom = "control group" if judged["by"] == CONTROL_GROUP else "everybody"
    found = {
        "hits": language.say(
            "{left} of {customers}, {predicted} predicted",
            left=language.number(hits["left"]),
            customers=language.number(hits["customers"]),
            predicted=language.number(hits["predicted"]),
        ),
        "judged": language.say(whom),
    }
    if judged["predicted"] is not None:
        found["judged"] = language.say(
            "{whom}: {predicted} predicted, {observed} left",
            whom=language.say(whom),
            predicted=language.percent(judged["predicted"]),
            observed=language.percent(judged["observed"]),
        )
    if money:
        amounts = {name: language.money(money[name]) for name in ("at_risk", "lost")}
        found["money"] = language.say("{at_risk}, {lost} lost", **amounts)
    return found
