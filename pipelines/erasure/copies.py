"""A list's files without a customer, with a manifest that fits them: drafts and published copies alike.

Only what fitted its digest before gets a new one: what was damaged stays a fault that `churn verify` names.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.erasure.formats import Names, UnreadableError, without
from pipelines.runtime.files import digest_of, read_json, write_json
from pipelines.settings import artifacts


def stage_list(folder: Path, names: Names, to: Path, unreadable: list[str]) -> dict[str, str]:
    """Write the files of a list's folder that speak of a customer again, without them.

    Args:
        folder: of the list.
        names: ids of the customers.
        to: where the new files go, under the same names; nothing is written where nobody was taken out.
        unreadable: gets a sentence for each file that cannot be read.

    Returns:
        The new digests by name, manifest included, of the files that were what the manifest says.
    """
    changed = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name != artifacts.MANIFEST:
            to.mkdir(parents=True, exist_ok=True)
            try:
                if without(path, names, to / path.name):
                    (to / path.name).chmod(path.stat().st_mode & 0o777)
                    changed.append(path.name)
            except UnreadableError as error:
                unreadable.append(str(error))
    return _with_manifest(folder, to, changed) if changed else {}


def _with_manifest(folder: Path, to: Path, changed: list[str]) -> dict[str, str]:
    manifest = folder / artifacts.MANIFEST
    content = read_json(manifest) if manifest.is_file() else {}
    known: dict[str, str] = content.get("files", {})
    sound = [name for name in changed if known.get(name) == digest_of(folder / name)]
    digests = {name: digest_of(to / name) for name in sound}
    if digests:
        write_json(to / artifacts.MANIFEST, {**content, "files": {**known, **digests}})
        (to / artifacts.MANIFEST).chmod(manifest.stat().st_mode & 0o777)
        digests[artifacts.MANIFEST] = digest_of(to / artifacts.MANIFEST)
    return digests
