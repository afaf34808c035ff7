"""Presets in tests: their files, got as a person gets them, and what they become."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jq
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pipelines.settings import params
from pipelines.settings.presets.catalogue import presets
from pipelines.settings.reading import Reading
from pipelines.sources.quarantine import reasons
from pipelines.sources.registry import check_sources, read_sources
from pipelines.sources.stream import connect

FIXTURES = Path(__file__).parent / "presets"
EXPECTED = yaml.safe_load((FIXTURES / "expected.yaml").read_text())
VALUE = pa.struct(
    [
        ("string_value", pa.string()),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
        ("double_value", pa.float64()),
    ]
)
TEXT, WHOLE, NUMBER = pa.string(), pa.int64(), pa.float64()
GA4 = pa.schema(  # as BigQuery exports it, as far as the fixture goes
    {
        "event_date": TEXT,
        "event_timestamp": WHOLE,
        "event_name": TEXT,
        "event_params": pa.list_(pa.struct([("key", TEXT), ("value", VALUE)])),
        "event_previous_timestamp": WHOLE,
        "event_value_in_usd": NUMBER,
        "event_bundle_sequence_id": WHOLE,
        "event_server_timestamp_offset": WHOLE,
        "user_id": TEXT,
        "user_pseudo_id": TEXT,
        "privacy_info": pa.struct([("analytics_storage", TEXT), ("ads_storage", TEXT), ("uses_transient_token", TEXT)]),
        "user_properties": pa.list_(pa.struct([("key", TEXT), ("value", VALUE)])),
        "user_first_touch_timestamp": WHOLE,
        "user_ltv": pa.struct([("revenue", NUMBER), ("currency", TEXT)]),
        "device": pa.struct(
            [
                ("category", TEXT),
                ("mobile_brand_name", TEXT),
                ("operating_system", TEXT),
                ("language", TEXT),
                ("web_info", pa.struct([("browser", TEXT), ("hostname", TEXT)])),
            ]
        ),
        "geo": pa.struct([("city", TEXT), ("country", TEXT)]),
        "traffic_source": pa.struct([("name", TEXT), ("medium", TEXT), ("source", TEXT)]),
        "stream_id": TEXT,
        "platform": TEXT,
        "ecommerce": pa.struct(
            [
                ("total_item_quantity", WHOLE),
                ("purchase_revenue_in_usd", NUMBER),
                ("purchase_revenue", NUMBER),
                ("refund_value", NUMBER),
                ("shipping_value", NUMBER),
                ("tax_value", NUMBER),
                ("unique_items", WHOLE),
                ("transaction_id", TEXT),
            ]
        ),
        "items": pa.list_(pa.struct([("item_id", TEXT), ("quantity", WHOLE)])),
    }
)


def fixture_of(name: str, folder: str = ".") -> str:
    """A preset's file, got as a person gets it: the export, or what the preset's command makes of an API's answers."""
    ending = presets()[name].source["reader"]
    path = Path(folder, f"{name}.{ending}")
    path.parent.mkdir(exist_ok=True)
    if ending == "parquet":
        rows = json.loads((FIXTURES / f"{name}.json").read_text())
        pq.write_table(pa.Table.from_pylist(rows, schema=GA4), path)
    elif program := presets()[name].unwrap:
        text = (FIXTURES / f"{name}.answer.json").read_text()
        answers = jq.compile(program).input_text(text, slurp=presets()[name].together)
        path.write_text("".join(f"{json.dumps(one)}\n" for one in answers.all()))
    else:
        shutil.copy(FIXTURES / path.name, path)
    return path.as_posix()


def settings_of(**sources: dict[str, Any]) -> params.Settings:
    content = {
        "sources": sources,
        "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-06-01"}},
        "churn": {
            "silent": {
                "kind": "silence",
                "activity": params.load(Path(__file__).parents[2] / "params.yaml").main_activity,
                "active_within_days": 56,
                "horizon_days": 28,
            }
        },
        "at_risk": {"definition": "silent"},
    }
    Path("params.yaml").write_text(yaml.safe_dump(content))
    return params.load()


def activities(source: dict[str, Any]) -> list[list[Any]]:
    settings = settings_of(it=source)
    faults = [
        fault for fault in check_sources(Reading.of(settings)) if ".churn." not in fault and "churn.silent" not in fault
    ]
    assert faults == []
    con = connect()
    read_sources(con, Reading.of(settings))
    assert reasons(con) == {}
    found = con.execute(
        "select customer_id, strftime(occurred_at, '%Y-%m-%d %H:%M:%S'), activity, value, quantity, detail "
        "from stream order by occurred_at, activity, customer_id"
    ).fetchall()
    assert con.execute("select count(distinct activity_id) from stream").fetchall() == [(len(found),)]
    return [list(row) for row in found]
