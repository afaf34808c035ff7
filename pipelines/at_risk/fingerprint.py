"""The fingerprint of what only the list reads: contacts, ids of `at_risk.suppress`, the ledger, what lists achieved,
and what one's own activities mean and are called.

None of them has a path that DVC could watch or should keep. watch_sources writes their digests to a file on which
make_list depends: a change makes the list again, and no stage before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.at_risk.achieved import achieved_digest
from pipelines.at_risk.policy.suppression import suppression_digest, suppression_faults
from pipelines.ledger import read
from pipelines.runtime.errors import ChurnError
from pipelines.settings.activities import ActivityWords
from pipelines.settings.campaign.at_risk import AtRisk
from pipelines.settings.decision import ListMoment
from pipelines.settings.reading import ContactReading
from pipelines.sources.readers.contacts import contacts_digest, faults_of_contacts


def fingerprint_of_list(
    moment: ListMoment,
    at_risk: AtRisk,
    contacts: ContactReading,
    activities: Mapping[str, ActivityWords],
    looks: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Digests of content, null where there is none, and `activities` and `looks` as they are where there are any.

    Of the ledger counts only what it held before the list's day, so that publishing a list changes later ones and never
    itself: who was assigned on a list published for the same day only keeps their group when something else changes
    that list (see campaign.groups). `looks`: see `looks_of`.

    Raises:
        ChurnError: contacts or suppress cannot be read; all faults at once.
    """
    faults = [*faults_of_contacts(contacts), *suppression_faults(at_risk)]
    if faults:
        raise ChurnError(*faults)
    own = {name: words.model_dump(mode="json", exclude_defaults=True) for name, words in sorted(activities.items())}
    return {
        "contacts": contacts_digest(contacts),
        "suppress": suppression_digest(at_risk),
        "ledger": read.digest(moment.as_of, moment.timezone),
        "outcomes": achieved_digest(moment.as_of),
        **({"activities": own} if own else {}),
        **({"looks": dict(looks)} if looks is not None else {}),
    }
