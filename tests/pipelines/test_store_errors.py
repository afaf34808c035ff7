"""What MLflow's silence, its answers, a wrong address and a damaged store are called, and which of them pass."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pipelines.modelling.tracking.mlflow_store import open_store
from pipelines.modelling.tracking.store_errors import store_error
from pipelines.runtime.errors import ChurnError, TryAgainError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


ANSWERS: list[tuple[int, bytes, type[ChurnError], str]] = [
    (500, b"oops", ChurnError, r"answers with an error \(500\)\. Nothing was registered .* The server's log says why"),
    (503, b"", TryAgainError, r"cannot serve now \(it answers with 503\)\. .* Run again later"),
    (404, b"<html>", ChurnError, "answers, but not as MLflow does.* Correct MLFLOW_TRACKING_URI"),
    (200, b"<html>", ChurnError, "answers, but not as MLflow does.* Correct MLFLOW_TRACKING_URI"),
]


@pytest.mark.parametrize(("status", "body", "kind", "said"), ANSWERS)
def test_an_answer_is_not_silence(
    monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, kind: type[ChurnError], said: str
) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name is http.server's

        def log_request(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(ChurnError, match=said) as told, open_store() as store:
            store.client.search_experiments()
        server.shutdown()
    assert type(told.value) is kind


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("htp://127.0.0.1", "is no address that MLflow can use"),
        ("http://127.0.0.1:99999", "is no address that MLflow can use"),
        ("mlflow", "is no address that MLflow can use"),
    ],
)
def test_a_wrong_address_is_to_be_corrected_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(ChurnError, match=f"{said}.*Correct MLFLOW_TRACKING_URI") as told, open_store() as store:
        store.client.search_experiments()
    assert type(told.value) is ChurnError


def test_which_of_the_words_of_the_network_mean_what() -> None:
    text = "Max retries exceeded with url: /api (Caused by {})"
    unknown = "NameResolutionError(\"Failed to resolve 'mlflwo' ([Errno -2] Name or service not known)\")"
    later = "NameResolutionError(\"Failed to resolve 'mlflow' ([Errno -3] Temporary failure in name resolution)\")"
    for cause, kind in (
        (unknown, ChurnError),
        (later, TryAgainError),
        ("ReadTimeoutError('timed out')", TryAgainError),
    ):
        assert type(store_error("http://mlflow", text.format(cause), network=True)) is kind


@pytest.mark.parametrize("content", [b"garbage" * 900, b""])
def test_a_damaged_database_is_said(content: bytes) -> None:
    Path("mlflow.db").write_bytes(content)
    with (
        pytest.raises(ChurnError, match=r"is damaged \(.*\)\. Nothing was registered.* from a backup"),
        open_store() as store,
    ):
        store.client.search_experiments()
