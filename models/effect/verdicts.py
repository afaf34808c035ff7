"""What may be said of a campaign, in one word each; `rendering.campaign_sentences` makes sentences of them."""

from __future__ import annotations

NOTHING_MATURED, NO_CONTROL, WITHHELD = "nothing_matured", "no_control", "withheld"
FEWER_LEAVE, MORE_LEAVE = "fewer_leave", "more_leave"
NOT_PROVABLE_YET, NOT_PROVEN = "not_provable_yet", "not_proven"
VERDICTS = (NOTHING_MATURED, NO_CONTROL, WITHHELD, FEWER_LEAVE, MORE_LEAVE, NOT_PROVABLE_YET, NOT_PROVEN)
