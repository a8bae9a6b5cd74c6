"""Which language a call can be held in, as far as Tavus's documents say.

Tavus lists the languages that its own voices speak, and switches from Cartesia to ElevenLabs by itself where it must
(https://docs.tavus.io/sections/conversational-video-interface/language-support). A voice of one's own is known by its
model or its name at best, and what hears is the persona's STT engine
(https://docs.tavus.io/sections/conversational-video-interface/persona/stt). What no document says is not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lib.models import JsonObject, Persona

MULTILINGUAL = "multilingual"
ENGLISH = "English"

CODES = {
    "English": "en", "Arabic": "ar", "Bengali": "bn", "Bulgarian": "bg", "Chinese": "zh", "Croatian": "hr",
    "Czech": "cs", "Danish": "da", "Dutch": "nl", "Finnish": "fi", "French": "fr", "Georgian": "ka", "German": "de",
    "Greek": "el", "Gujarati": "gu", "Hebrew": "he", "Hindi": "hi", "Hungarian": "hu", "Indonesian": "id",
    "Italian": "it", "Japanese": "ja", "Kannada": "kn", "Korean": "ko", "Malay": "ms", "Malayalam": "ml",
    "Marathi": "mr", "Norwegian": "no", "Polish": "pl", "Portuguese": "pt", "Punjabi": "pa", "Romanian": "ro",
    "Russian": "ru", "Slovak": "sk", "Spanish": "es", "Swedish": "sv", "Tagalog": "tl", "Tamil": "ta", "Telugu": "te",
    "Thai": "th", "Turkish": "tr", "Ukrainian": "uk", "Vietnamese": "vi",
}  # fmt: skip
"""Full English names, as the wire wants them, and their ISO codes."""

LANGUAGES = tuple(CODES)
NAMES = {code: name for name, code in CODES.items()}
HEARING: dict[str, frozenset[str]] = {
    "tavus-deepgram-medical": frozenset({ENGLISH}),
    "tavus-parakeet": frozenset({
        "Bulgarian", "Croatian", "Czech", "Danish", "Dutch", "English", "Finnish", "French", "German", "Greek",
        "Hungarian", "Italian", "Polish", "Portuguese", "Romanian", "Russian", "Slovak", "Spanish", "Swedish",
        "Ukrainian",
    }),
}  # fmt: skip
"""STT engine -> what it hears, for those that do not hear all of LANGUAGES."""

DETECTING = ("", "tavus-auto", "tavus-soniox", "tavus-whisper")
"""STT engines that follow the caller's language; "" is Tavus's default."""

_FIFTEEN = frozenset({
    "English", "French", "German", "Spanish", "Portuguese", "Chinese", "Japanese", "Hindi", "Italian", "Korean",
    "Dutch", "Polish", "Russian", "Swedish", "Turkish",
})  # fmt: skip
SPEAKING: dict[str, frozenset[str]] = {
    "eleven_monolingual_v1": frozenset({ENGLISH}),
    "eleven_turbo_v2": frozenset({ENGLISH}),
    "eleven_flash_v2": frozenset({ENGLISH}),
    "sonic-2": _FIFTEEN,
    "sonic-turbo": _FIFTEEN,
}
"""TTS model -> what it speaks, for those whose makers list fewer languages than Tavus does
(https://elevenlabs.io/docs/models, https://docs.cartesia.ai/build-with-cartesia/tts-models)."""

_AZURE_CODES = {"nb": "no", "fil": "tl"}


class Doubt(NamedTuple):
    """Why a call in a language will not go well, and what to do."""

    message: str
    hint: str


def doubt(language: str, persona: Persona | None) -> Doubt | None:
    """What is known against holding a call of this persona in `language` ("" is the persona's own)."""
    if not language:
        return None
    if language != MULTILINGUAL and language not in CODES:
        return Doubt(
            f"Tavus does not list the language {language[:60]!r}",
            "Choose a full English name such as German, or multilingual.",
        )
    if persona is None:
        return None
    return _unheard(language, persona) or _unspoken(language, persona)


def unsure(language: str, persona: Persona | None) -> bool:
    """True where a voice of the persona's own speaks, and nothing says which languages it knows."""
    if persona is None or language in ("", ENGLISH) or doubt(language, persona):
        return False
    tts = _layer(persona, "tts")
    own = bool(tts.get("external_voice_id"))
    return own and not (_text(tts, "tts_model_name") in SPEAKING or _azure_voice(tts))


def _unheard(language: str, persona: Persona) -> Doubt | None:
    engine = _text(_layer(persona, "stt"), "stt_engine")
    if language == MULTILINGUAL:
        if engine in DETECTING:
            return None
        return Doubt(
            f"Its persona’s ear, {engine[:40]}, can’t follow the caller’s language",
            "Choose one language, or set the persona’s STT engine to tavus-auto.",
        )
    if engine in HEARING and language not in HEARING[engine]:
        only = " only English" if HEARING[engine] == {ENGLISH} else f" no {language}"
        return Doubt(
            f"Its persona’s ear, {engine}, understands{only}",
            f"Set the persona’s STT engine to tavus-auto, or choose a language other than {language}.",
        )
    return None


def _unspoken(language: str, persona: Persona) -> Doubt | None:
    tts = _layer(persona, "tts")
    model = _text(tts, "tts_model_name")
    spoken = SPEAKING.get(model) if tts.get("external_voice_id") or model.startswith("eleven") else None
    if language != MULTILINGUAL and spoken is not None and language not in spoken:
        return Doubt(
            f"Its persona’s voice does not speak {language}: the model {model} does not",
            "Choose another voice model in the persona’s TTS layer, or another language.",
        )
    voice = _azure_voice(tts)
    if voice and language != NAMES.get(voice):
        wanted = "more than one language" if language == MULTILINGUAL else language
        speaks = NAMES.get(voice, f"the language “{voice}”")
        return Doubt(
            f"Its persona’s voice does not speak {wanted}, it speaks {speaks}",
            f"Choose a voice that speaks {wanted} in the persona’s TTS layer, or another language.",
        )
    return None


def _azure_voice(tts: JsonObject) -> str:
    """The ISO code in the name of an Azure voice such as `de-DE-KatjaNeural`; "" for one that speaks many."""
    name = _text(tts, "external_voice_id")
    code, dash, _ = name.partition("-")
    if _text(tts, "tts_engine") != "azure" or not dash or "multilingual" in name.lower():
        return ""
    return _AZURE_CODES.get(code.lower(), code.lower())


def _layer(persona: Persona, name: str) -> JsonObject:
    layer = persona.layers.get(name)
    return layer if isinstance(layer, Mapping) else {}


def _text(row: JsonObject, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
