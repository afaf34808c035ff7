"""What the page says besides figures, in the team's language."""

from __future__ import annotations

from models.kpi.declarations import COUNTED
from models.kpi.moves import STATES
from pipelines.outcomes.kpi import dimensions
from pipelines.rendering.language.language import Language

DIMENSIONS = {
    dimensions.SEGMENT: "By segment at the start",
    dimensions.TIER: "By tier of the loyalty programme",
    dimensions.RISK_TIER: "By risk tier of the list published before",
    dimensions.COHORT: "By month of the first order",
    dimensions.MEMBER: "Members beside others",
}
GROUPS = (
    dimensions.NEWCOMER,
    dimensions.FORMER,
    dimensions.NONE,
    dimensions.NOT_LISTED,
    "no member yet",
    "member",
    "other",
    "all",
)


def count_words(language: Language) -> dict[str, str]:
    """What each count is, for formulas."""
    return {name: language.say(words) for name, words in COUNTED.items()}


def state_words(language: Language) -> dict[str, str]:
    """The states of customers."""
    return {name: language.say(name) for name in STATES}


def dimension_words(name: str, language: Language) -> str:
    """The heading of a dimension's groups; an attribute is named as the table names it."""
    return language.say(DIMENSIONS[name]) if name in DIMENSIONS else language.say("By {name}", name=name)


def page_words(language: Language) -> dict[str, str]:
    """Headings and notes of the page."""
    say = language.say
    return {
        "title": say("Retention in figures"),
        "targets": say("Targets"),
        "pictures": say("Pictures"),
        "moves": say("Who came, who left"),
        "moves_note": say(
            "Above the line new customers and those won back, below it those who were lost. Customers at the start, "
            "plus new, plus won back, minus lost, are the customers at the end."
        ),
        "churn": say("Churn rates over time"),
        "churn_note": say(
            "Of the customers at the start of each month. Three measures, since each answers another question; the "
            "bars say what chance allows for."
        ),
        "retention": say("Retention rate over time"),
        "retention_note": say("1 minus the churn rate: those lost by the end of the month, of those at its start."),
        "revenue": say("Revenue per customer"),
        "revenue_note": say("Of each customer who ordered in the month; the bars say what chance allows for."),
        "order_value": say("Average order value"),
        "order_value_note": say("Money of all orders over their number, month by month."),
        "states": say("What customers are at the end of each month"),
        "states_note": say(
            "At risk is whoever stood on the list published then; where none was, whoever had been silent for half of "
            "the days in which a customer may be."
        ),
        "cohorts": say("Cohorts by the month of the first order"),
        "cohort_customers": say("Customers who ordered again"),
        "cohort_orders": say("Orders per customer of the cohort"),
        "cohort_money": say("Money per customer of the cohort"),
        "came_first": say("first came in"),
        "later": say("so many months later"),
        "by_month": say("By month"),
        "by_quarter": say("By quarter"),
        "groups": say("By group"),
        "groups_note": say("Groups of fewer than 10 customers are put together as other."),
        "figure": say("Figure"),
        "formula": say("Formula"),
        "formulas": say("How each figure is worked out"),
        "unknown": say("Not in your data"),
        "unknown_note": say("These figures need something that the data do not hold. They are unknown, not 0."),
        "needs": say("Needs"),
        "lost": say("lost"),
        "open_note": say("Figures of periods that are not closed are in italics: they are not final."),
        "pale": say("pale: not final yet"),
        "from_to": say("Who moved from where to where"),
        "all_figures": say("All figures"),
        "group": say("Group"),
    }
