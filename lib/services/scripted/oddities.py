"""What does not belong into the conversation, told apart: code, links, signs, unknown scripts, small talk, tests."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from lib.services.scripted.words import either

_LINKS = r"""
    https?://\S+|\bwww\.\S+|[\w.+-]{1,64}@[\w.-]{1,99}\.\w+
    \b[\w-]{1,63}\.(?:com|org|net|io|de|dev)(?:/\S*)?(?!\w)
"""
LINK = re.compile(either(_LINKS), re.I)
SHRUG = re.compile(r"\S{0,9}\(.?[ツシ].?\)\S{0,9}")
_LIKE_CODE = r"""
    </?[a-z!][^<>]*>
    \w+\((?!s\))[^()\s]*\)(?:;|$|\.)
    ^\s*[\[{].*[:,].*[\]}]\s*$
    \b(?:select|delete|update|insert)\b.*\b(?:from|into|set)\b.*(?:;\s*$|\*)|\bselect \* from\b
    \bdrop table\b|\bdef \w+\(
    \b(?:function|const|let|var|import|return|class)\b.*(?:[{}=]|;\s*$)
    ^\w+ ?=[^=].*;|[=!]==?|&&|\|\||=>|\$\{|\{\{
    ^(?:sudo|rm|ls|cd|cat|curl|pip|npm|git|docker) (?:-|[./~])
    ^[/\\!#@$%][a-z_]\w*$
    \\x[0-9a-f]|\.\./
"""
_CODE = re.compile(either(_LIKE_CODE), re.I)
_SUM = re.compile(r"^(?:what(?:'s| is) |how much is )?\d+(?:\s*[-+*/x×÷^]\s*\d+)+\s*[=?]*$", re.I)
_BARE = re.compile(r"^[\d\s.,+()/#€$£%-]*\d[\d\s.,+()/#€$£%-]*[.!?]*$")
_ASKED_FOR = re.compile(
    r"how (?:many|much|long|often|big|large|high|far)|numbers?\b|figures?\b|hours|cost|percent|minutes|when\b|year"
)
_KINDS = (
    ("check", 6, r"""
        can you (?:hear|see) me|(?:do|did) you (?:hear|see) me|^is (?:this|it) (?:thing )?(?:on|working)\?*$
        ^test(?:ing)?[\s\d.!,]*$|^test(?:ing)? (?:test|1|one)\b|are you (?:still )?(?:there|listening)\b
        ^(?:mic|sound) ?check
    """),
    ("maker", 12, r"""
        who (?:made|built|created|programmed|trained|designed) you\b|(?:which|what) (?:\w+ )?(?:model|ai|llm) are you
        are you (?:gpt|claude|gemini|siri|alexa)|how (?:were|are) you (?:made|built|trained|programmed)
        are you (?:\w+ )?(?:fake|scripted|conscious|alive|sentient)
        do you have (?:feelings|a soul|emotions|consciousness)
    """),
    ("can", 9, r"""
        what (?:can|could) you do\b(?! (?:for|about|with|if|when|to))|what are you (?:able to|good at|good for)
    """),
    ("clock", 9, r"""
        what time is it|what(?:'s| is) the (?:time|date)(?: now| today)?\?*$|do you (?:have|know) the time
        what (?:day|date|month|year) is (?:it|today)
    """),
    ("personal", 9, r"""
        how old are you|are you (?:married|single|happy|sad|tired|hungry|male|female|a (?:man|woman|girl|boy))\?*$
        where (?:are you from|were you born|do you live)\b|where are you(?: now| right now)?\?*$
        when(?:'s| is) your birthday|do you (?:love|hate|like|miss|dream|sleep|eat|drink)\b(?: me)?\s*\??$
        do you have (?:a )?(?:kids|family|children|wife|husband|boyfriend|girlfriend|friends|pets?|hobbies)\s*\??$
        what(?:'s| is) your favou?rite|your (?:age|hobbies|religion|star sign)\b|what are you wearing|who did you vote
        (?:will|would) you (?:marry|date|kiss)|(?:i love|kiss|marry) (?:you|me)\b|are you (?:hot|sexy|pretty)
    """),
    ("trick", 14, r"""
        \b(?:tell|make|crack|know|hear)\b(?: me| us)? (?:a|any|another|some) (?:\w+ )?(?:jokes?|stor(?:y|ies)|riddle)\b
        \b(?:sing|write|compose|recite)\b(?: me| us)? (?:an? |some )?(?:\w+ )?(?:songs?|poems?|haiku|essay|limerick)\b
        \btranslate .*\b(?:into|to) \w+|\bcount to \w+|^(?:please )?(?:repeat after me|say after me|sing|dance|rap)\b
        ^(?:please )?(?:say|tell me) (?:something|anything)(?: funny| nice| smart)?[.!]*$
    """),
    ("trivia", 14, r"""
        who (?:won|invented|discovered|wrote|painted) (?!it\b|that\b|this\b)|what is (?:love|god|life|pi)\b|bitcoin
        who is the (?:president|king|queen|pope|chancellor|prime minister)|capital of|meaning of life|does god exist
        chicken or the egg|square root|(?:latest|today's) news|how (?:tall|deep) is|lottery
    """),
    ("laugh", 3, r"""
        ^(?:lol|lmao|rofl|(?:ha){2,}h?|(?:he){2,}|hihi|xd)\b
    """),
    ("hmm", 3, r"""
        ^(?:h+m+|u+h+m*|u+m+|e+r+m*|mhm+)[\s.!?…]*$
    """),
    ("bored", 9, r"""
        (?:this|that|it|you)(?:'s| is|'re| are) (?:so |very |really )?(?:boring|silly|nonsense|rubbish|pointless)
        i(?:'m| am) (?:so |very |really )?bored|^i (?:hate|don't like) (?:this|it|that)\s*[.!]*$|^boring
    """),
    ("help", 6, r"""
        ^(?:please )?help(?: me)?(?: please)?[.!?]*$|(?:can|could) you help(?: me)?\?*$
        i need (?:some |your )?help[.!]*$
    """),
    ("wishes", 6, r"""
        ^(?:happy|merry) (?:birthday|christmas|new year|easter|holidays|\w+day)|^congrat\w+|^(?:good luck|bless you)
    """),
    ("bye", 4, r"""
        ^good ?night\b|^(?:cya|ciao|adios|farewell)\b
    """),
)  # fmt: skip
_COMPILED = tuple((kind, most, re.compile(either(pattern), re.I)) for kind, most, pattern in _KINDS)
_KNOWN = ("LATIN", "CYRILLIC", "ARABIC", "HEBREW", "CJK", "HIRAGANA", "KATAKANA", "FEMININE", "MASCULINE", "MICRO")
# Letters of Ukrainian, Persian and Urdu: to be answered in Russian or Arabic would be worse than in English.
_NEIGHBOURS = re.compile("[іїєґІЇЄҐўЎђћџљњ]|[پچژگکیےٹڈڑں]")


def unknown_script(text: str) -> bool:
    """True where most letters belong to a script, or a neighbour of one, that no lines are written in."""
    letters = [c for c in text[:600] if c.isalpha()]
    strange = sum(not unicodedata.name(c, "LATIN").startswith(_KNOWN) for c in letters)
    return strange > len(letters) / 2 or (
        bool(_NEIGHBOURS.search(text[:600])) and not any(c.isascii() for c in letters)
    )


_GESTURES = {"👍": "yes", "👌": "yes", "✅": "yes", "👎": "no", "👋": "hello", "🙏": "thanks", "❤": "compliment"}


def wordless(text: str) -> str:
    """What a text without a word is: silence, a gesture, emoji or signs."""
    if not text.strip(" .…-–—\t\n"):
        return "silence"
    if text.strip()[0] in _GESTURES:
        return _GESTURES[text.strip()[0]]
    pictures = any(unicodedata.category(c) == "So" for c in text) or re.fullmatch(r"\s*[:;]-?[()DPp|/]\s*", text)
    return "emoji" if pictures else "signs"


def kind(text: str, core: str, listed: Sequence[str], asked: str) -> str:
    """One of the kinds of `lines_odd.ODD` or a known one, "" where nothing is odd. `asked` is our last sentence."""
    if unknown_script(text):
        return "script"
    if SHRUG.fullmatch(text.strip()):
        return "emoji"
    if (link := LINK.search(text)) and len(listed) <= (12 if link[0].lower().startswith(("http", "www.")) else 3):
        return "link"
    if _SUM.match(core):
        return "trivia"
    if _BARE.match(core) and not _ASKED_FOR.search(asked):
        return "bare"
    if len(listed) <= 40 and _CODE.search(text):
        return "code"
    return next((name for name, most, pattern in _COMPILED if len(listed) <= most and pattern.search(core)), "")
