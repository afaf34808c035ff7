"""What only the list reads: contacts, ids that ordered since, and the ledger; and when it has to be made again.

None of them has a path that DVC could watch or should keep. watch_sources writes their digests to a file on which
make_list depends: a changed one is noticed, an unchanged one costs nothing, and nothing before the list runs again.
"""

from __future__ import annotations

from typing import Any

from pipelines.at_risk.policy.suppression import digest_of_suppress, faults_of_suppress
from pipelines.ledger import read
from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from pipelines.settings.reading import ContactReading
from pipelines.sources.readers.contacts import contacts_digest, faults_of_contacts


def fingerprint_of_list(settings: Settings) -> dict[str, Any]:
    """Digests of content; null where there is none. Of the ledger counts only what it held before the list's day, so
    that publishing a list changes later ones and never itself: who was assigned on a list published for the same day
    only keeps their group when something else changes that list (see campaign.groups).

    Raises:
        ChurnError: contacts or suppress cannot be read; all faults at once.
    """
    faults = [*faults_of_contacts(ContactReading.of(settings)), *faults_of_suppress(settings)]
    if faults:
        raise ChurnError(*faults)
    return {
        "contacts": contacts_digest(ContactReading.of(settings)),
        "suppress": digest_of_suppress(settings),
        "ledger": read.digest(settings.observations.score.as_of, settings.timezone),
    }
