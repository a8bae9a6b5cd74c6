"""Which language somebody writes, as far as a text tells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from lib.services.chat.scripted.matching import words
from lib.services.chat.scripted.phrasebook import ENGLISH

UNKNOWN = "?"  # a language that none of the lists knows
LINK = re.compile(r"https?://\S+|\bwww\.\S+|[\w.+-]{1,64}@[\w.-]{1,99}\.\w+|\b[\w-]{1,63}\.com\b\S*|\S*\(ツ\)\S*")
_FOREIGN_WORD = re.compile(r"(?<!\S)[^\W\d_A-ZÀ-Þ]*[^\W\d_A-Za-z][^\W\d_]*")


def candidates(text: str, languages: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Codes of the languages that this text may be in: none if it does not tell, `UNKNOWN` if it is no known one."""
    text = LINK.sub(" ", text[:600])
    letters = [unicodedata.name(sign, "LATIN") for sign in text if sign.isalpha()]
    own = [name for name in letters if not name.startswith(("LATIN", "FEMININE", "MASCULINE", "MICRO"))]
    return _by_script(text, own, languages) if len(own) > len(letters) * 0.3 else _by_words(text, languages)


def spoken(
    row: Mapping[str, Any], turns: Sequence[tuple[str, str]], languages: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str]:
    """The code of the language to answer in, and its name where a call asks for one that can't be told apart.

    The newest utterance that tells decides, then what the call asks for (a full English name), then the persona's
    greeting and prompt. An utterance that fits several languages goes with what else there is.
    """
    wanted = str(row.get("language") or "").lower().replace("multilingual", "")
    named = next((code for code, one in languages.items() if one.get("name", "").lower() == wanted), UNKNOWN)
    said = [found for role, text in turns[-12:] if role == "user" and (found := candidates(text, languages))][::-1]
    texts = (str(row.get(name) or "") for name in ("greeting", "system_prompt"))
    told = [*([named] if wanted else ()), *(code for text in texts for code in candidates(text, languages)[:1])]
    if said:
        sure = [found[0] for found in said if len(found) == 1]
        return next((code for code in (*sure, *told) if code in said[0]), said[0][0]), ""
    return (told[0], str(row["language"]) if told[0] == UNKNOWN and wanted else "") if told else (ENGLISH, "")


def _by_script(text: str, names: Sequence[str], languages: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    fits = {
        code: sum(name.startswith(row["script"]) for name in names)
        for code, row in languages.items()
        if "script" in row and not set(row.get("strangers", "")).intersection(text)
    }
    best = [code for code, hits in fits.items() if hits and hits == max(fits.values())]
    sure = tuple(code for code in best if set(languages[code].get("letters", "")).intersection(text))
    return sure or tuple(best) or (UNKNOWN,)


def _by_words(text: str, languages: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    listed = [word for word in words(text) if word[1:]]
    scores = {code: sum(word in row["words"] for word in listed) for code, row in languages.items()}
    best = max(scores.values())
    if best == 0 and len(listed) >= 5 and _FOREIGN_WORD.search(text):
        return (UNKNOWN,)
    return tuple(code for code, score in scores.items() if best and score == best >= min(2, len(listed) // 6))
