"""The sentence template of a feature from that of its measure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from features.catalogue.activities import Activity, activity_of

RHYTHM = "; usually every <gap_mean:.0f> days"  # said with the last time, where the activity has a rhythm
TOKEN = re.compile(r"<(\w+)(@?)(:[^>]*)?>")


def sentence_of(
    template: str,
    *,
    activity: str,
    main: str,
    name: str,
    days: int | None,
    rhythm: bool,
    own: Mapping[str, Activity] | None = None,
) -> str:
    """A format string over the names of columns: `Last order {placed_order_days_since_last:.0f} days ago`.

    Args:
        template: the measure's sentence, see `measures`.
        activity: what was done.
        main: what customers ordinarily do.
        name: the column's own name.
        days: the column's window.
        rhythm: whether the activity has rhythm columns, which a later clause may name.
        own: what is declared of one's own activities.
    """

    def word(token: re.Match[str]) -> str:
        what, window, form = token.group(1), token.group(2), token.group(3) or ""
        known = activity_of(activity, own)
        words = {"noun": known.noun, "nouns": known.nouns, "days": str(days), "main": activity_of(main, own).noun}
        if what in words:
            return words[what]
        column = name if what == "self" else f"{activity}_{what}{f'_{days}d' if window else ''}"
        return f"{{{column}{form}}}"

    return TOKEN.sub(word, template.replace("<rhythm>", RHYTHM if rhythm else ""))
