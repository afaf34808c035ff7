"""Numbers as people and spreadsheets write them, as SQL: `1,250.00`, `1.250,00`, `1 250`, `(12.50)`, `5.00-`, `€ 5`.

Two readings exist of a number's signs: POINT divides whole from fraction by a point, COMMA by a comma; the other one of
the two, a space or an apostrophe stands between thousands. `1,250` and `1.250` are numbers in both, of another size.
"""

from __future__ import annotations

from pipelines.runtime.sql import text as literal

POINT, COMMA = ".", ","

# A currency's sign or its three letters in front or behind; a minus, or parentheses, for what is below zero.
_MONEY = r"(?:\p{Sc}|[A-Z]{2,3}\$|R\$|[A-Z]{3}|kr\.?|zł|Kč|Fr\.?)"
_AROUND = rf"^[(]?\s*(?:[-+−]?\s*{_MONEY}?|{_MONEY}\s*[-+−])\s*(\d.*?|[.,]\d+?)\s*{_MONEY}?\s*[-%]?\s*[)]?$"
_BELOW_ZERO = "^[^0-9]*[-−]|[^.,]-$"  # 500,- is a round price
_LONGEST = 300  # letters; more digits are more than a double holds
_QUICK_POINT, _QUICK_COMMA = r"-?\d{1,3}(,\d{3})+(\.\d+)?", r"-?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?"
_DIGITS = r"\d+"
_SPACED = r"\d{1,3}(?:(?: \d{3})+|(?:\x{00A0}\d{3})+|(?:\x{202F}\d{3})+|(?:'\d{3})+|(?:’\d{3})+)"
_GAPS = r"[ \x{00A0}\x{202F}'’]"
_LAKHS = r"\d{1,2}(?:,\d{2})+,\d{3}"  # 12,34,567

# Where a text is `TRICKY`, its size depends on the reading.
TRICKY_POINT, TRICKY_COMMA = r"[1-9]\d{0,2}\.\d{3}", r"[1-9]\d{0,2},\d{3}"
_SURE_POINT = (
    rf"(?:(?:\d{{1,3}}(?:,\d{{3}})+|{_LAKHS}|{_SPACED}|{_DIGITS})\.\d*|\.\d+|\d{{1,3}}(?:,\d{{3}}){{2,}}|{_LAKHS})"
)
_SURE_COMMA = rf"(?:(?:\d{{1,3}}(?:\.\d{{3}})+|{_SPACED}|{_DIGITS}),\d*|,\d+|\d{{1,3}}(?:\.\d{{3}}){{2,}})"
_WHOLE = rf"(?:{_SPACED}|{_DIGITS})"


def core(text: str) -> str:
    """SQL of a text's digits with the signs among them; null where it is no number."""
    return f"nullif(regexp_extract({text}, {literal(_AROUND)}, 1), '')"


def as_double(text: str, decimal: str) -> str:
    """SQL of a trimmed text as a finite double, by one of the readings; null where it is none.

    What a computer wrote is cast as it stands, the rest is looked at only where that fails: percent is hundredths.
    """
    return f"(case when strlen({text}) < {_LONGEST} then {_read(text, decimal)} end)"


def _read(text: str, decimal: str) -> str:
    """SQL of a number of a text that is not too long."""
    plain, careful = f"try_cast({text} as double)", _carefully(text, decimal)
    plain = f"case when isfinite({plain}) then {plain} end"
    if decimal == COMMA:  # 12.50 and 1.250 are no numbers with a decimal point here
        exchanged = f"try_cast(replace(replace({text}, '.', ''), ',', '.') as double)"
        other = f"if(contains({text}, '.'), {careful}, coalesce({plain}, {careful}))"
        return f"case when regexp_full_match({text}, '{_QUICK_COMMA}') then {exchanged} else {other} end"
    grouped = f"contains({text}, ',') and regexp_full_match({text}, '{_QUICK_POINT}')"
    without = f"try_cast(replace({text}, ',', '') as double)"
    return f"case when {grouped} then {without} else coalesce({plain}, {careful}) end"


def _carefully(text: str, decimal: str) -> str:
    """SQL of a number with whatever may stand around it."""
    other, allowed = COMMA, rf"{_SURE_POINT}|{TRICKY_COMMA}|{_WHOLE}"
    if decimal == COMMA:
        other, allowed = POINT, rf"{_SURE_COMMA}|{TRICKY_POINT}|{_WHOLE}"
    bare = f"replace(replace(regexp_replace(d, {literal(_GAPS)}, '', 'g'), '{other}', ''), ',', '.')"
    number = f"case when regexp_full_match(d, {literal(allowed)}) then try_cast({bare} as double) end"
    below = f"starts_with({text}, '(') or regexp_matches({text}, '{_BELOW_ZERO}')"
    digits = f"if(starts_with({text}, '(') = ends_with({text}, ')'), {core(text)}, null)"
    sign = f"if({below}, -1, 1) * if(ends_with({text}, '%'), 0.01::double, 1)"
    # A text without any digit, as n/a, is nothing to look at: bad cells cost no more than good ones.
    value = f"list_transform([{digits}], lambda d: {number})[1]"
    return f"(case when regexp_matches({text}, '[0-9]') then {sign} * {value} end)"


def parts(text: str) -> str:
    """SQL of the column on which `kinds_of` decides, so that the pattern is looked for once: `d`."""
    return f"{core(text)} as d"


def kinds_of(text: str) -> dict[str, str]:
    """SQL conditions that tell texts apart, each text is of one kind at most. They are over the column of `parts`.

    Returns:
        `point`, `comma`: written so that one reading alone fits; `tricky_point` (1.250), `tricky_comma` (1,250): both
        fit, with another size; `long`: whole numbers above 999 without a sign between thousands; `unread`: no number.
    """

    def fits(pattern: str) -> str:
        return f"coalesce(regexp_full_match(d, {literal(pattern)}), false)"

    tricky = {"tricky_point": fits(TRICKY_POINT), "tricky_comma": fits(TRICKY_COMMA)}
    none = f"not ({tricky['tricky_point']} or {tricky['tricky_comma']})"
    cast = f"isfinite(coalesce(try_cast({text} as double), 'nan'::double))"
    return {
        **tricky,
        "point": f"({none} and ({fits(_SURE_POINT)} or ({cast} and contains({text}, '.'))))",
        "comma": f"({none} and {fits(_SURE_COMMA)})",
        "long": fits(r"\d{4,}"),
        "unread": f"({none} and not {fits(f'{_SURE_POINT}|{_SURE_COMMA}|{_WHOLE}')} and not {cast})",
    }


def is_doubtful(text: str, *, points: bool) -> str:
    """SQL, quick: whether a text might be tricky; what it passes over is not. `points`: 1.250 too, not only 1,250."""
    signs = ",." if points else ","
    at_all = " or ".join(f"{text} like '%{sign}___%'" for sign in signs)
    return f"coalesce(({at_all}) and regexp_matches({text}, '[{signs}]\\d{{3}}[^0-9.,]*$'), false)"
