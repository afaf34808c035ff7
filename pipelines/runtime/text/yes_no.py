"""Yes and no, as people, spreadsheets and databases write them: the words of one declaration, whoever reads them.

Spreadsheets write their TRUE and FALSE in the language that they run in, and people write their own yes and no. No word
is in both. Words are in small letters, as `str.lower` of Python and `lower` of DuckDB make them; the Turkish dotless i
has a capital that they read as another letter, so such words stand here twice.
"""

from __future__ import annotations

_SYSTEMS_YES = ("true", "t", "yes", "y", "1", "1.0", "on")
_SYSTEMS_NO = ("false", "f", "no", "n", "0", "0.0", "off")
# What Excel and LibreOffice make of TRUE: German, French, Spanish, Italian, Portuguese, Dutch, Polish, Czech, Swedish,
# Danish, Norwegian, Finnish, Hungarian, Turkish, Russian.
_SPREADSHEETS_YES = (
    *("wahr", "vrai", "verdadero", "vero", "verdadeiro", "waar", "prawda", "pravda", "sant"),
    *("sand", "sann", "tosi", "igaz", "doğru", "истина"),
)
_SPREADSHEETS_NO = (
    *("falsch", "faux", "falso", "onwaar", "fałsz", "nepravda", "falskt"),
    *("falsk", "usann", "epätosi", "hamis", "yanlış", "yanliş", "ложь"),
)
_PEOPLE_YES = (
    *("ja", "j", "oui", "si", "sí", "sì", "sim", "tak", "ano", "áno", "kyllä", "igen", "evet", "да"),
    *("ใช่", "จริง", "はい", "是", "예"),
)
_PEOPLE_NO = (
    *("nein", "non", "não", "nao", "nee", "nej", "nei", "nie", "ne", "ei", "nem", "hayır", "hayir", "нет"),
    *("ไม่ใช่", "ไม่", "เท็จ", "いいえ", "否", "아니요"),
)

YES = (*_SYSTEMS_YES, *_SPREADSHEETS_YES, *_PEOPLE_YES)
NO = (*_SYSTEMS_NO, *_SPREADSHEETS_NO, *_PEOPLE_NO)
