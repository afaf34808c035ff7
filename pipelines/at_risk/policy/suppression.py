"""Reads `at_risk.suppress`: the ids of customers who ordered since the data ends, left out when the list is written.

CSV or text: one customer id per line, or a table with a column `customer_id`. The file is read as it is at that moment;
it stays outside DVC, which sees its digest only (see watch_sources).
"""

from __future__ import annotations

import csv
from pathlib import Path

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.runtime.text.column_names import columns_in_words
from pipelines.settings.campaign.at_risk import AtRisk
from pipelines.settings.privacy import Privacy
from pipelines.sources.privacy.pseudonyms import keyed, required_key

ID = "customer_id"


def suppression_faults(at_risk: AtRisk) -> list[str]:
    """What keeps the file from being read."""
    path = at_risk.suppress
    if path is None or Path(path).is_file():
        return []
    return [f"params.yaml: at_risk.suppress: there is no file {path}. Write it, an empty one will do, or set null."]


def suppression_digest(at_risk: AtRisk) -> str | None:
    """Changes with the file's content; None where no file is named."""
    return digest_of(Path(at_risk.suppress)) if at_risk.suppress else None


def suppressed_ids(at_risk: AtRisk, privacy: Privacy) -> frozenset[str]:
    """The ids as the pipeline has them: pseudonyms where these are on.

    Raises:
        ChurnError: the file is missing, is no text, or is a table without a column customer_id.
    """
    faults = suppression_faults(at_risk)
    if faults:
        raise ChurnError(*faults)
    if at_risk.suppress is None:
        return frozenset()
    ids = _ids(Path(at_risk.suppress))
    if not privacy.pseudonymise:
        return frozenset(ids)
    key = required_key(privacy)
    return frozenset(keyed(key, customer) for customer in ids)


def _ids(path: Path) -> list[str]:
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except UnicodeDecodeError:
        raise ChurnError(f"{path}: is not UTF-8 text. Save it as CSV (UTF-8).") from None
    rows = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        return []
    header = [cell.lower() for cell in rows[0]]
    if ID in header:
        column = header.index(ID)
        return [row[column] for row in rows[1:] if len(row) > column and row[column]]
    if max(map(len, rows)) > 1:
        raise ChurnError(f"{path}: has several columns and none is called {ID}. Name it so.{columns_in_words(rows[0])}")
    return [row[0] for row in rows]
