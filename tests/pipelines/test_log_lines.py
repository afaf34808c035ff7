from __future__ import annotations

import json

import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.log import Log


def logged(*, as_json: bool) -> tuple[list[str], Log]:
    lines: list[str] = []
    return lines, Log(as_json, lambda: "2024-12-02T00:00:00Z", lines.append)


def test_a_line_is_a_sentence_or_json() -> None:
    lines, log = logged(as_json=False)
    log("chunk", "50 of 100 rows", done=50)
    assert lines == ["50 of 100 rows"]
    lines, log = logged(as_json=True)
    log("chunk", "50 of 100 rows", done=50)
    found = json.loads(lines[0])
    assert found == {"at": "2024-12-02T00:00:00Z", "event": "chunk", "text": "50 of 100 rows", "done": 50}


def test_what_is_printed_becomes_notes_and_events_in_between_stay_events() -> None:
    lines, log = logged(as_json=True)
    with log.notes():
        print("one\n\ntwo")
        log("features", "3 customers")
        print("half", end="")
        print(" a line")
    found = [json.loads(line) for line in lines]
    assert [(one["event"], one["text"]) for one in found] == [
        ("note", "one"),
        ("note", "two"),
        ("features", "3 customers"),
        ("note", "half a line"),
    ]


def test_a_stage_names_its_lines_and_a_failure_names_its_stage(capsys: pytest.CaptureFixture[str]) -> None:
    lines, log = logged(as_json=True)
    with log.stage("pull_activity"):
        log("note", "x")
    log("note", "after")
    with pytest.raises(ChurnError), log.stage("build_features"):
        raise ChurnError("first", "second")
    log.failed(ChurnError("first", "second"), 4)
    found = [json.loads(line) for line in lines]
    assert [one.get("stage") for one in found] == ["pull_activity", "pull_activity", None, "build_features"]
    assert (found[-1]["faults"], found[-1]["exit_code"]) == (["first", "second"], 4)
    assert capsys.readouterr().err == ""
    logged(as_json=False)[1].failed(ChurnError("first", "second"), 4)
    assert capsys.readouterr().err == "\nfirst\nsecond\n"
