"""What an error of MLflow or of the network means: something to mend, or something that passes by itself.

| what happened | kind | advice |
|---|---|---|
| nobody answers, or a gateway says so (429, 502, 503, 504) | try again | start the server |
| no such host, no such kind of address, no certificate | mend | correct MLFLOW_TRACKING_URI |
| an answer that is none of MLflow's | mend | correct MLFLOW_TRACKING_URI |
| an answer with another error (500) | mend | the server's log |
| the embedded database is damaged | mend | bring a backup, or begin a new store |
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from pipelines.runtime.errors import ChurnError, TryAgainError

CORRECT = "Correct MLFLOW_TRACKING_URI (unset: the embedded store), then run again."
STAYS = "Nothing was registered and the champion stays."
PASSING = frozenset({429, 502, 503, 504})
_DAMAGED = re.compile("malformed|not a database|disk image|no such (table|column)")
_STATUS = re.compile(r"too many (\d{3}) error responses|error code (\d{3})|(\d{3}) (?:Server|Client) Error")
_NO_HOST = re.compile("Name or service not known|nodename nor servname|No address associated|getaddrinfo failed")
_NO_ADDRESS = re.compile(
    "No connection adapters|Invalid (?:URL|url)|No scheme supplied|Failed to parse|unsupported URI|Could not parse"
    "|in maintenance mode"
)
_NOT_MLFLOW = re.compile(
    "Expecting value|JSONDecodeError|not in a valid JSON|not valid JSON|failed with error code 404"
)


def store_error(uri: str, text: str, *, network: bool) -> ChurnError:
    """The error to raise.

    Args:
        uri: the store's address.
        text: what was said, without the address's password.
        network: whether the network said it, not MLflow.
    """
    at = f"MLflow at {without_password(uri)}"
    if "Detected out-of-date database schema" in text:
        upgrade = f"mlflow db upgrade {without_password(uri)}"
        return ChurnError(f"{at} was made by another version of MLflow. Keep a copy, then: {upgrade}")
    if uri.startswith("sqlite") and _DAMAGED.search(text):
        return ChurnError(
            f"{at} is damaged ({_first(text)}). {STAYS} Bring mlflow.db back from a backup "
            "(docs/operations/backup.md), or move it away: a new one is made, without the former versions."
        )
    wrong = "" if uri.startswith("sqlite") else _wrong_address(text)
    if wrong:
        return ChurnError(f"{at} {wrong} {STAYS} {CORRECT}")
    if uri.startswith("http") and (network or "Max retries exceeded" in text):
        return _of_server(at, text)
    return ChurnError(f"{at} says: {_first(text)} Run again when it is mended.")


def _wrong_address(text: str) -> str:
    """Why this is no address of an MLflow server; empty where it may be one."""
    if _NO_HOST.search(text):
        return "is a host that nobody knows."
    if _NO_ADDRESS.search(text):
        return "is no address that MLflow can use."
    if "CERTIFICATE_VERIFY_FAILED" in text or "WRONG_VERSION_NUMBER" in text:
        return "does not speak https, or its certificate is not trusted here."
    return "answers, but not as MLflow does." if _NOT_MLFLOW.search(text) else ""


def _of_server(at: str, text: str) -> ChurnError:
    found = _STATUS.search(text)
    status = int(next(filter(None, found.groups()))) if found else 0
    if status in PASSING:
        return TryAgainError(f"{at} cannot serve now (it answers with {status}). {STAYS} Run again later.")
    if status:
        return ChurnError(f"{at} answers with an error ({status}). {STAYS} The server's log says why.")
    return TryAgainError(f"{at} does not answer. {STAYS} Start the server. {CORRECT}")


def _first(text: str) -> str:
    return text.splitlines()[0][:300]


def without_password(uri: str) -> str:
    """The address as it may be shown."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri
