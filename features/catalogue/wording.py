"""English nouns of activities, and the sentence template of a feature from that of its measure."""

from __future__ import annotations

import re

NOUNS = {
    "placed_order": ("order", "orders"),
    "returned_order": ("return", "returns"),
    "saved_with_coupon": ("saving with a coupon", "savings with coupons"),
    "saved_with_discount": ("saving with a discount", "savings with discounts"),
    "received_campaign": ("campaign received", "campaigns received"),
    "redeemed_coupon": ("coupon redeemed", "coupons redeemed"),
    "opened_email": ("opened e-mail", "opened e-mails"),
    "clicked_email": ("clicked e-mail", "clicked e-mails"),
    "visited_site": ("visit to the site", "visits to the site"),
    "contacted_support": ("call for support", "calls for support"),
    "complained": ("complaint", "complaints"),
    "answered_nps": ("NPS answer", "NPS answers"),
    "answered_csat": ("satisfaction answer", "satisfaction answers"),
    "answered_ces": ("effort answer", "effort answers"),
    "earned_points": ("earning of points", "earnings of points"),
    "redeemed_points": ("redeeming of points", "redeemings of points"),
    "reached_tier": ("tier reached", "tiers reached"),
    "referred_friend": ("referral", "referrals"),
    "mentioned_brand": ("mention", "mentions"),
    "started_subscription": ("start of a subscription", "starts of a subscription"),
    "renewed_subscription": ("renewal", "renewals"),
    "cancelled_subscription": ("cancellation", "cancellations"),
}
RHYTHM = "; usually every <gap_mean:.0f> days"  # said with the last time, where the activity has a rhythm
TOKEN = re.compile(r"<(\w+)(@?)(:[^>]*)?>")


def nouns_of(activity: str) -> tuple[str, str]:
    """Singular and plural: the activity's own words where NOUNS does not have it."""
    words = activity.replace("_", " ")
    return NOUNS.get(activity, (words, words))


def sentence_of(template: str, *, activity: str, main: str, name: str, days: int | None, rhythm: bool) -> str:
    """A format string over the names of columns: `Last order {placed_order_days_since_last:.0f} days ago`.

    Args:
        template: the measure's sentence, see `measures`.
        activity: what was done.
        main: what customers ordinarily do.
        name: the column's own name.
        days: the column's window.
        rhythm: whether the activity has rhythm columns, which a later clause may name.
    """

    def word(token: re.Match[str]) -> str:
        what, window, form = token.group(1), token.group(2), token.group(3) or ""
        noun, nouns = nouns_of(activity)
        words = {"noun": noun, "nouns": nouns, "days": str(days), "main": nouns_of(main)[0]}
        if what in words:
            return words[what]
        column = name if what == "self" else f"{activity}_{what}{f'_{days}d' if window else ''}"
        return f"{{{column}{form}}}"

    return TOKEN.sub(word, template.replace("<rhythm>", RHYTHM if rhythm else ""))
