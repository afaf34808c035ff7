"""`at_risk.suppress`: a small file of ids that ordered since the data ends, applied when the list is written.

CSV or text: one customer id per line, or a table with a column `customer_id`. The file is read as it is at that moment;
it stays outside DVC, which sees its digest only (see watch_sources).
"""

from __future__ import annotations

import csv
from pathlib import Path

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.settings.params import Settings
from pipelines.sources.privacy.pseudonyms import keyed, required_key

ID = "customer_id"


def faults_of_suppress(settings: Settings) -> list[str]:
    """What keeps the file from being read."""
    path = settings.at_risk.suppress
    if path is None or Path(path).is_file():
        return []
    return [f"params.yaml: at_risk.suppress: there is no file {path}. Write it, an empty one will do, or set null."]


def digest_of_suppress(settings: Settings) -> str | None:
    """Changes with the file's content; None where no file is named."""
    return digest_of(Path(settings.at_risk.suppress)) if settings.at_risk.suppress else None


def suppressed(settings: Settings) -> frozenset[str]:
    """The ids, as the pipeline calls its customers (pseudonyms where these are on).

    Raises:
        ChurnError: the file is missing, is no text, or is a table without a column customer_id.
    """
    faults = faults_of_suppress(settings)
    if faults:
        raise ChurnError(*faults)
    if settings.at_risk.suppress is None:
        return frozenset()
    found = _ids(Path(settings.at_risk.suppress))
    if not settings.privacy.pseudonymise:
        return frozenset(found)
    key = required_key(settings.privacy)
    return frozenset(keyed(key, one) for one in found)


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
        place = header.index(ID)
        return [row[place] for row in rows[1:] if len(row) > place and row[place]]
    if max(map(len, rows)) > 1:
        raise ChurnError(
            f"{path}: has several columns and none is called {ID} (found {', '.join(rows[0])}). Name it so."
        )
    return [row[0] for row in rows]
