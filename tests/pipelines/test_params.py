"""params.yaml: what may be set, and the words that a wrong setting gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.runtime.errors import ChurnError
from pipelines.settings import model
from pipelines.settings.churn import activities_of, definition_of
from pipelines.settings.params import Settings, load
from pipelines.settings.types import parse

ROOT = Path(__file__).resolve().parents[2]
GOOD: dict[str, Any] = {
    "sources": {"demo": {"reader": "complete_journey"}},
    "observations": {"train": {"until": "2017-12-04"}, "score": {"as_of": "2017-12-04"}},
    "churn": {"silent_28d": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
    "at_risk": {"definition": "silent_28d"},
}
ORDERS: dict[str, Any] = {"reader": "csv", "path": "orders.csv", "activity": "placed_order"}


def changed(where: str, value: Any) -> dict[str, Any]:
    """GOOD with one setting changed: `observations.train.until`."""
    content: dict[str, Any] = yaml.safe_load(yaml.safe_dump(GOOD))
    *parents, last = where.split(".")
    section = content
    for name in parents:
        section = section.setdefault(name, {})
    section[last] = value
    return content


def faults(tmp_path: Path, content: dict[str, Any] | str) -> list[str]:
    path = tmp_path / "params.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(ChurnError) as problem:
        load(path)
    return [fault.removeprefix("params.yaml: ") for fault in problem.value.faults]


def test_the_shipped_file_is_right() -> None:
    settings = load(ROOT / "params.yaml")
    assert settings.main_activity == "placed_order"


def test_the_least_that_must_be_set() -> None:
    settings = Settings.model_validate(GOOD)
    assert (settings.timezone, settings.engine, settings.customers) == ("UTC", "duckdb", None)


@pytest.mark.parametrize(
    ("where", "value", "fault"),
    [
        ("colour", 1, "colour is not a setting. Allowed: activities, at_risk, "),
        ("timezon", "UTC", "timezon is not a setting. Did you mean timezone?"),
        ("timezone", "Europe/Berlim", "timezone: 'Europe/Berlim' is not a timezone. Did you mean Europe/Berlin?"),
        ("timezone", "MEZ+9", "timezone: 'MEZ+9' is not a timezone. Write it like Europe/Berlin."),
        ("currency", "usd", "currency must match ^[A-Z]{3}$, found 'usd'."),
        ("engine", "sparkk", "engine must be duckdb"),
        ("sources", {}, "sources must have at least 1 entries."),
        ("sources.demo.reader", "csw", "sources.demo.reader cannot be 'csw'. Did you mean csv? Allowed: complete_jour"),
        ("sources.demo", {"path": "x"}, "sources.demo has no reader. Allowed: complete_journey, csv, json,"),
        ("sources.demo", 4, "sources.demo must be a mapping of settings, found 4."),
        ("sources.demo.path", "x", "sources.demo.path is not a setting. Allowed: reader."),
        ("sources.Demo", {"reader": "complete_journey"}, "sources.Demo: 'Demo' is not a name. Allowed: small letters"),
        ("observations.seen_within_days", 0, "observations.seen_within_days must be at least 1, found 0."),
        ("observations.train.until", "2017-13-04", "observations.train.until: '2017-13-04' is not a date. Write it as"),
        ("observations.train.until", 20171204, "observations.train.until: 20171204 is not a date. Write it as"),
        (
            "observations.train.every_days",
            "x",
            "observations.train.every_days must be a whole number or auto, found 'x'.",
        ),
        ("observations.train.count", 0, "observations.train.count must be at least 1 or auto, found 0."),
        ("observations.train.until", "2018-01-01", "observations.train.until 2018-01-01 lies after observations.score"),
        ("churn", {}, "churn must have at least 1 entries."),
        (
            "churn.silent_28d.horizon_day",
            28,
            "churn.silent_28d.horizon_day is not a setting. Did you mean horizon_days?",
        ),
        ("churn.silent_28d.horizon_days", 2.5, "churn.silent_28d.horizon_days must be a whole number, found 2.5."),
        ("churn.silent_28d.horizon_days", 99999, "churn.silent_28d.horizon_days must be at most 3660, found 99999."),
        ("churn.silent_28d.kind", "sillence", "churn.silent_28d.kind "),
        ("churn.silent_28d.activity", "Order", "churn.silent_28d.activity: 'Order' is not a name."),
        (
            "at_risk.definition",
            "silent_28",
            "at_risk.definition 'silent_28' is not under churn. Did you mean silent_28d?",
        ),
        ("at_risk.capacity", "many", "at_risk.capacity must be a whole number, found 'many'."),
        (
            "at_risk.capacity",
            None,
            (
                "at_risk.capacity: found nothing. Write how many customers the team can look after in a week. To let "
                "the budget or the profit alone end the list, write more than you have customers (100000 at most)."
            ),
        ),
        ("promotion.automatic", "perhaps", "promotion.automatic must be true or false, found 'perhaps'."),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, where: str, value: Any, fault: str) -> None:
    found = faults(tmp_path, changed(where, value))
    assert len(found) == 1, found
    assert found[0].startswith(fault)


SUBSCRIBED = {"kind": "cancellation", "horizon_days": 30}


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"horizon_days": 28}, "churn.x has no kind. Allowed: silence, rhythm, cancellation."),
        ({"kind": "canceled"}, "churn.x.kind cannot be 'canceled'. Did you mean cancellation? Allowed: silence,"),
        ({**SUBSCRIBED, "active_within_days": 9}, "churn.x.active_within_days is not a setting."),
        ({**SUBSCRIBED, "term_day": 30}, "churn.x.term_day is not a setting. Did you mean term_days?"),
        (
            {**SUBSCRIBED, "ends": "started_subscription"},
            "churn.x: starts, renews, ends, pauses and resumes must be different",
        ),
        ({**SUBSCRIBED, "renews": "paid_invoice"}, "churn.x: renews is set but term_days is not."),
        ({**SUBSCRIBED, "grace_days": 3}, "churn.x: grace_days is set but term_days is not"),
        (
            {"kind": "rhythm", "quantile": 0.3, "active_within_days": 90, "horizon_days": 60},
            "churn.x.quantile must be at least 0.5, found 0.3.",
        ),
    ],
)
def test_a_wrong_definition_is_named(tmp_path: Path, entry: dict[str, Any], fault: str) -> None:
    found = faults(tmp_path, changed("churn.x", entry))
    assert len(found) == 1, found
    assert found[0].startswith(fault)


@pytest.mark.parametrize(
    ("entry", "activity", "roles"),
    [
        (SUBSCRIBED, "started_subscription", {"starts": "started_subscription", "ends": "cancelled_subscription"}),
        (
            {**SUBSCRIBED, "renews": "paid_invoice", "term_days": 30},
            "paid_invoice",
            {"starts": "started_subscription", "renews": "paid_invoice", "ends": "cancelled_subscription"},
        ),
        (
            {**SUBSCRIBED, "activity": "visited_site"},
            "visited_site",
            {"activity": "visited_site", "starts": "started_subscription", "ends": "cancelled_subscription"},
        ),
        (
            {"kind": "rhythm", "active_within_days": 90, "horizon_days": 60},
            "placed_order",
            {"activity": "placed_order"},
        ),
    ],
)
def test_what_a_definition_is_about(entry: dict[str, Any], activity: str, roles: dict[str, str]) -> None:
    found = Settings.model_validate(changed("churn.x", entry)).churn["x"]
    assert found.activity == activity
    assert activities_of(found) == roles
    assert definition_of(found).lookback_days == (90 if found.kind == "rhythm" else 30 if "renews" in entry else 3660)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ({"path": ""}, "sources.shop.path must not be empty, found ''."),
        ({"colums": {}}, "sources.shop.colums is not a setting. Did you mean columns?"),
        ({"activity": "Placed Order"}, "sources.shop.activity: 'Placed Order' is not a name."),
        ({"activities": {"Sale": "Sale"}}, "sources.shop.activities.Sale: 'Sale' is not a name."),
        (
            {"columns": {"custmer_id": "a"}},
            "sources.shop.columns.custmer_id is not a column of ours. Did you mean customer_id?",
        ),
        (
            {"columns": {"customer_id": "a"}},
            "sources.shop: columns must map occurred_at too. Write `occurred_at: the",
        ),
        ({"columns": {"value": "a"}}, "sources.shop: columns must map customer_id and occurred_at too."),
        (
            {"columns": {"customer_id": 3, "occurred_at": "b"}},
            "sources.shop.columns.customer_id must be text (put it into",
        ),
        (
            {"columns": {"customer_id": "a", "occurred_at": "b", "activity": "c"}},
            "sources.shop.activity: columns.activity tells it already. Keep one of the two.",
        ),
        (
            {"columns": {"customer_id": "a", "occurred_at": "b"}, "activity": None},
            "sources.shop: neither activity (one for all rows) nor columns.activity is set.",
        ),
        ({"unit": 0}, "sources.shop.unit must be more than 0 or minor_units, found 0."),
        ({"unit": "cents"}, "sources.shop.unit must be a number or minor_units, found 'cents'."),
        ({"timezone": "Berlin"}, "sources.shop.timezone: 'Berlin' is not a timezone."),
        (
            {"time_format": "DD.MM.YYYY"},
            "sources.shop.time_format: 'DD.MM.YYYY' is not a time format. Write it as in strptime",
        ),
        ({"decimal": ";"}, "sources.shop.decimal must be . or ,, found ';'."),
        ({"delimiter": "||"}, "sources.shop.delimiter must have at most 1 characters, found '||'."),
        (
            {"reader": "parquet", "delimiter": ";"},
            "sources.shop.delimiter: only a CSV file has a delimiter. Take it out.",
        ),
        ({"max_bad_share": 5}, "sources.shop.max_bad_share must be at most 1, found 5."),
    ],
)
def test_a_wrong_source_is_named(tmp_path: Path, source: dict[str, Any], fault: str) -> None:
    found = faults(tmp_path, changed("sources", {"shop": ORDERS | source}))
    assert len(found) == 1, found
    assert found[0].startswith(fault)


@pytest.mark.parametrize(
    ("customers", "fault"),
    [
        ({"reader": "xlsx"}, "customers.reader must be csv, json or parquet, found 'xlsx'."),
        ({"columns": {"tier": "Tier"}}, "customers.columns: customer_id must be mapped too."),
        ({"columns": {"customer_id": "a", "Tier": "b"}}, "customers.columns.Tier: 'Tier' is not a name."),
        ({"statick": True}, "customers.statick is not a setting. Did you mean static?"),
    ],
)
def test_a_wrong_customers_table_is_named(tmp_path: Path, customers: dict[str, Any], fault: str) -> None:
    found = faults(tmp_path, changed("customers", {"reader": "csv", "path": "c.csv"} | customers))
    assert len(found) == 1, found
    assert found[0].startswith(fault)


def test_bare_dates_are_refused_because_they_crash_templating(tmp_path: Path) -> None:
    text = yaml.safe_dump(GOOD).replace("'2017-12-04'", "2017-12-04")
    assert faults(tmp_path, text) == [
        'observations.train.until: must be quoted: write "2017-12-04".',
        'observations.score.as_of: must be quoted: write "2017-12-04".',
    ]


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    content = changed("sources", {"a": {"reader": "csv"}, "b": ORDERS | {"pat": "x"}, "c": {"reader": "oracle"}})
    content["churn"] = {"x": {"kind": "silence", "horizon_days": 0}}
    content["observations"]["score"] = {}
    del content["at_risk"]["definition"]
    assert faults(tmp_path, content) == [
        "sources.a.path is missing. Add it.",
        "sources.b.pat is not a setting. Did you mean path?",
        "sources.c.reader cannot be 'oracle'. Allowed: complete_journey, csv, json, ledger, parquet, sql.",
        "observations.score.as_of is missing. Add it.",
        "churn.x.active_within_days is missing. Add it.",
        "churn.x.horizon_days must be at least 1, found 0.",
        "at_risk.definition is missing. Add it.",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- a\n- b\n", "must be a mapping of settings, found list."),
        ("", "must be a mapping of settings, found NoneType."),
        ("a: [1,", "is not YAML."),
        ("a: 1\na: 2\n", "is not YAML. a stands there twice"),
    ],
)
def test_a_file_that_is_no_settings(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ChurnError) as problem:
        load(path)
    assert problem.value.faults[0].startswith(f"{path}: {fault}")


def test_what_is_no_yaml_is_said_without_the_text(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("timezone: UTC\npassword: [hunter2\n")
    with pytest.raises(ChurnError, match=r"is not YAML. Line 3, column 1: while parsing a flow sequence") as problem:
        load(path)
    assert "hunter2" not in str(problem.value)


def test_a_file_in_another_encoding_and_a_folder_are_said(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes("timezone: UTC\n# für uns\n".encode("latin-1"))
    with pytest.raises(ChurnError, match=r"params.yaml: is not UTF-8 text \(line 2\). Save it as UTF-8."):
        load(tmp_path / "params.yaml")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ChurnError, match=r"folder: cannot be read \(Is a directory\)"):
        load(tmp_path / "folder")


def test_a_key_beside_a_merge_overrides_it_and_one_that_stands_twice_is_a_fault() -> None:
    both = parse("a: &a {x: 1, y: 2}\nb: &b {<<: *a, y: 3, z: 4}\nc: {y: 5, <<: [*b, *a]}\n")
    assert both["b"] == {"x": 1, "y": 3, "z": 4}
    assert both["c"] == {"x": 1, "y": 5, "z": 4}
    with pytest.raises(yaml.YAMLError, match=r"y stands there twice \(line 2\)"):
        parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3, y: 4}\n")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ChurnError, match=r"there is no such file\. Run from the project's folder"):
        load(tmp_path / "params.yaml")


def test_settings_are_never_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.model_validate(GOOD).timezone = "UTC"


def test_minutes_of_a_search_are_read_as_work_and_said() -> None:
    former, named = model.Search(trials=3, max_minutes=5), model.Search(trials=3, max_minutes=5, work=7e8)
    assert former.work == 5 * model.WORK_PER_MINUTE
    assert former.model_dump() == {"trials": 3, "work": 1e9}
    assert former.notes() == [
        "model.search.max_minutes ends no search any more. It is read as work: 1e+09; put that in its place."
    ]
    assert named.work == 7e8
    assert model.Search().notes() == []
