"""What is known of an activity besides that it happened: whether it is good or bad news, and the nouns for it.

The one place for both. In: an activity's name, and what somebody declares of their own activities; out: an `Activity`.
What neither is declared here nor by anybody follows from the name, which is a verb in the past and its object:
`failed_transfer` is bad news and reads "transfer failed", `logged_in` "log-in", `watched_video` "video watched".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Bearing = Literal["good", "burden", "neither"]
"""Good news: whoever does it more often stays rather. A burden: the other way round. Neither: done to customers."""


@dataclass(frozen=True)
class Activity:
    """`noun`, `nouns`: for one of it and for several, in English, in the middle of a sentence."""

    noun: str
    nouns: str
    bearing: Bearing = "good"


ACTIVITIES: dict[str, Activity] = {
    "placed_order": Activity("order", "orders"),
    "returned_order": Activity("return", "returns", "burden"),
    "saved_with_coupon": Activity("saving with a coupon", "savings with coupons"),
    "saved_with_discount": Activity("saving with a discount", "savings with discounts"),
    "received_campaign": Activity("campaign received", "campaigns received", "neither"),
    "redeemed_coupon": Activity("coupon redeemed", "coupons redeemed"),
    "opened_email": Activity("opened e-mail", "opened e-mails"),
    "clicked_email": Activity("clicked e-mail", "clicked e-mails"),
    "unsubscribed_email": Activity("unsubscription from e-mails", "unsubscriptions from e-mails", "burden"),
    "left_email_list": Activity("departure from a mailing list", "departures from mailing lists", "burden"),
    "visited_site": Activity("visit to the site", "visits to the site"),
    "logged_in": Activity("log-in", "log-ins"),
    "contacted_support": Activity("call for support", "calls for support", "burden"),
    "complained": Activity("complaint", "complaints", "burden"),
    "answered_nps": Activity("NPS answer", "NPS answers"),
    "answered_csat": Activity("satisfaction answer", "satisfaction answers"),
    "answered_ces": Activity("effort answer", "effort answers"),
    "earned_points": Activity("earning of points", "earnings of points"),
    "redeemed_points": Activity("redeeming of points", "redeemings of points"),
    "reached_tier": Activity("tier reached", "tiers reached"),
    "referred_friend": Activity("referral", "referrals"),
    "mentioned_brand": Activity("mention", "mentions"),
    "requested_offer": Activity("offer requested", "offers requested"),
    "declined_offer": Activity("offer declined", "offers declined", "burden"),
    "started_subscription": Activity("start of a subscription", "starts of a subscription"),
    "renewed_subscription": Activity("renewal", "renewals"),
    "paused_subscription": Activity("pause of a subscription", "pauses of a subscription", "burden"),
    "announced_cancellation": Activity("announced cancellation", "announced cancellations", "burden"),
    "cancelled_subscription": Activity("cancellation", "cancellations", "burden"),
    "upgraded_plan": Activity("upgrade of the plan", "upgrades of the plan"),
    "downgraded_plan": Activity("downgrade of the plan", "downgrades of the plan", "burden"),
    "paid_invoice": Activity("paid invoice", "paid invoices"),
    "missed_payment": Activity("missed payment", "missed payments", "burden"),
    "failed_payment": Activity("failed payment", "failed payments", "burden"),
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BURDENS = _words(
    """
    bounced cancelled canceled complained declined defaulted disputed downgraded expired failed missed
    overdue paused refunded rejected suspended unfollowed uninstalled unsubscribed
    """
)
_BURDENSOME_THINGS = _words(
    """
    cancellation cancelation complaint chargeback dispute downgrade refund
    """
)
_SETTLED = _words(
    """
    resolved settled withdrew withdrawn undid reversed
    """
)
_PARTICIPLES = {
    "became": "",
    "began": "begun",
    "broke": "broken",
    "came": "come",
    "chose": "chosen",
    "did": "done",
    "drew": "drawn",
    "forgot": "forgotten",
    "gave": "given",
    "got": "",
    "had": "",
    "ran": "run",
    "saw": "seen",
    "took": "taken",
    "went": "gone",
    "wrote": "written",
}  # of verbs whose past is no participle; "": the object alone says it
_IRREGULAR = _words(
    """
    bought brought built caught found heard held kept led left let lost made met paid put read said sent
    set sold spent told won
    """
)
_PARTICLES = _words(
    """
    in out up off on down back over through away
    """
)
_VOWELS = "aeiou"


def activity_of(name: str, own: Mapping[str, Activity] | None = None) -> Activity:
    """What is known of an activity: what `own` declares of it, else ACTIVITIES, else what its name tells."""
    return (own or {}).get(name) or ACTIVITIES.get(name) or _from_name(name)


def _from_name(name: str) -> Activity:
    words = name.split("_")
    noun, nouns = _nouns(words)
    return Activity(noun, nouns, _bearing(words))


def _bearing(words: list[str]) -> Bearing:
    if words[0] == "received":
        return "neither"
    if words[0] in _SETTLED:
        return "good"
    return "burden" if _BURDENS & set(words) or _BURDENSOME_THINGS & set(words) else "good"


def _nouns(words: list[str]) -> tuple[str, str]:
    """Verb and object: `video watched`; verb and particle: `log-in`; a lone verb: `time purchased`; else the words."""
    verb, rest = words[0], words[1:]
    if not _is_past(verb):
        thing = " ".join(words)
        if rest and _is_past(words[-1]):
            return thing, f"{_plural(' '.join(words[:-1]))} {words[-1]}"
        return thing, _plural(thing)
    if not rest:
        return f"time {verb}", f"times {verb}"
    if rest[0] in _PARTICLES and len(rest) == 1 and verb.endswith("ed"):
        noun = f"{_stem(verb)}-{rest[0]}"
        return noun, f"{noun}s"
    if rest[0] in _PARTICLES:
        return f"time {' '.join(words)}", f"times {' '.join(words)}"
    thing, done = " ".join(rest), _PARTICIPLES.get(verb, verb)
    return f"{thing} {done}".strip(), f"{_plural(thing)} {done}".strip()


def _is_past(word: str) -> bool:
    return (word.endswith("ed") and len(word) > 3) or word in _IRREGULAR or word in _PARTICIPLES


def _plural(thing: str) -> str:
    """Of a noun, or of the last noun of several words."""
    if thing.endswith(("s", "x", "z", "ch", "sh")):
        return thing if thing.endswith("s") and not thing.endswith("ss") else f"{thing}es"
    if thing.endswith("y") and thing[-2:-1] not in _VOWELS:
        return f"{thing[:-1]}ies"
    return f"{thing}s"


def _stem(verb: str) -> str:
    """`logged`: log, `checked`: check, `moved`: move."""
    stem = verb[:-2]
    if len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "lsz":
        return stem[:-1]
    return f"{stem}e" if stem[-1] in "vuc" or (stem[-1] == "s" and stem[-2] in _VOWELS) else stem
