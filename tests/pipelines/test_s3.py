"""Files in an S3 store: a real server speaks the protocol on this machine."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.runtime.files import digest_of
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.sources.access.s3 import _filesystem
from pipelines.sources.quarantine import reasons
from pipelines.sources.registry import check_sources, read_sources
from pipelines.sources.stream import connect
from pipelines.stages import pull_activity
from pipelines.stages.pull_activity import pull
from pipelines.stages.watch_sources import fingerprint

pytestmark = pytest.mark.slow

SECRET = "no-one-may-read-this"
MAPPED = {"customer_id": "who", "occurred_at": "at", "value": "paid"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").disabled = True
    started = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


@pytest.fixture(autouse=True)
def bucket(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    from pyarrow import fs

    store = fs.S3FileSystem(endpoint_override=server, region="eu-central-1", allow_bucket_creation=True)
    store.create_dir("shop")

    def put(key: str, content: bytes) -> None:
        with store.open_output_stream(f"shop/{key}") as stream:
            stream.write(content)

    put("csv/1.csv", b"who,at,paid\na,2024-03-01,1\n")
    put("csv/deep/2.csv", b"who,at,paid\nb,2024-03-01,2\n,2024-03-01,2\n")
    put("csv/notes.md", b"nothing")
    put(
        "events.jsonl",
        b"".join(json.dumps({"who": who, "at": "2024-03-01", "paid": 3}).encode() + b"\n" for who in "cd"),
    )
    frame = pd.DataFrame({"who": ["e"], "at": pd.to_datetime(["2024-03-01"]), "paid": [4.0]})
    frame.to_parquet(tmp_path / "x.parquet")
    put("x.parquet", (tmp_path / "x.parquet").read_bytes())
    yield put
    store.delete_dir_contents("shop")


def settings_of(reader: str, path: str, as_of: str = "2024-06-01") -> Settings:
    source = {"reader": reader, "path": path, "columns": MAPPED, "activity": "placed_order", "max_bad_share": 1}
    return Settings.model_validate(
        {
            "sources": {"shop": source},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": as_of}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


@pytest.mark.parametrize(
    ("reader", "path", "customers"),
    [
        ("csv", "s3://shop/csv/1.csv", ["a"]),
        ("csv", "s3://shop/csv", ["a", "b"]),
        ("csv", "s3://shop/csv/*.csv", ["a"]),
        ("csv", "s3://shop/**/*.csv", ["a", "b"]),
        ("json", "s3://shop/events.jsonl", ["c", "d"]),
        ("parquet", "s3://shop/x.parquet", ["e"]),
    ],
)
def test_a_file_a_folder_and_a_glob(reader: str, path: str, customers: list[str]) -> None:
    settings = settings_of(reader, path)
    assert check_sources(Reading.of(settings)) == []
    con = connect()
    read_sources(con, Reading.of(settings))
    assert [row[0] for row in con.execute("select customer_id from stream order by 1").fetchall()] == customers


def test_bad_rows_have_their_lines() -> None:
    con = connect()
    read_sources(con, Reading.of(settings_of("csv", "s3://shop/csv")))
    assert reasons(con) == {
        "shop": ["2.csv: 1 of 2 rows has no customer_id (line 3). Drop or map them in sources.shop."]
    }


def test_a_changed_object_is_noticed_without_reading_it(bucket: Any) -> None:
    settings = settings_of("csv", "s3://shop/csv")
    first = fingerprint(settings, "2024-06-01")
    assert fingerprint(settings, "2024-06-01") == first
    bucket("csv/1.csv", b"who,at,paid\na,2024-03-01,9\n")
    assert fingerprint(settings, "2024-06-01") != first


def test_nothing_there_is_said() -> None:
    assert check_sources(Reading.of(settings_of("csv", "s3://shop/none"))) == [
        "params.yaml: sources.shop.path: nothing that ends in .csv lies at s3://shop/none. See the bucket's listing."
    ]


def test_a_store_that_does_not_answer_is_said_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    faults = check_sources(Reading.of(settings_of("csv", "s3://shop/csv")))
    assert len(faults) == 1
    assert faults[0].startswith("params.yaml: sources.shop.path: s3://shop/csv: the S3 store cannot be read (network")
    assert SECRET not in str(faults)


def test_the_connection_is_made_once() -> None:
    assert _filesystem() is _filesystem()


def test_an_earlier_moment_needs_no_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)

    def pulled(as_of: str) -> str:
        settings = settings_of("csv", "s3://shop/csv/1.csv", as_of)
        pull(settings, "score", tmp_path / "out", tmp_path / "v.json", tmp_path / "landing")
        return digest_of(tmp_path / "out")

    then = pulled("2024-06-01")
    pulled("2024-06-08")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert pulled("2024-06-01") == then


@pytest.mark.parametrize("path", ["s3://shop/none/", "s3://shop/none/*"])
def test_an_object_without_a_byte_is_said_and_a_marker_is_none(bucket: Any, path: str) -> None:
    bucket("none/1.csv", b"")
    bucket("none/_SUCCESS", b"")
    (fault,) = check_sources(Reading.of(settings_of("csv", path)))
    assert fault == "1.csv: is empty. The first line must name the columns. (sources.shop.path)"
