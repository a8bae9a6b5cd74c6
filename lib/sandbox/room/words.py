"""What the room says in plain words: why a call ended, what a language is called on the web."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ending:
    """Why a call is over: a heading and one or two sentences."""

    title: str
    text: str


_ENDINGS: tuple[tuple[str, str, str], ...] = (
    ("max_call_duration", "Time is up", "The call reached the longest time it was allowed and closed by itself."),
    ("participant_left_timeout", "The room has closed", "You left and nobody came back in time, so the room was "
                                                        "closed."),
    (
        "participant_absent_timeout",
        "Nobody joined in time",
        "An empty room does not stay open: it closed by itself before anyone joined.",
    ),
    ("end_conversation_endpoint_hit", "The session was ended", "It was ended from outside this room, by you or a "
                                                               "colleague."),
    (
        "bot_could_not_join_meeting",
        "The avatar could not come in",
        "The meeting was gone before the avatar could join it. Start a new session to try again.",
    ),
    ("daily_room_has_been_deleted", "The room was taken away", "Somebody deleted the meeting room while the call "
                                                               "was on."),
    (
        "exception_encountered_during_conversation_startup",
        "The call could not start",
        "Something failed while the avatar was getting ready. Start a new session to try again.",
    ),
    ("internal error", "Something broke", "An error inside the service ended the call. Start a new session to "
                                          "try again."),
)  # fmt: skip


def ending(reason: str) -> Ending:
    """The plain words for a `shutdown_reason`, matched by its beginning: some are written with " reached" behind.

    https://docs.tavus.io/sections/webhooks-and-callbacks lists the reasons. An unknown one is quoted as it is.
    """
    known = reason.strip().lower()
    for start, title, text in _ENDINGS:
        if known.startswith(start):
            return Ending(title, text)
    return Ending(
        "The call has ended", f"The reason that was given: {reason.strip()}." if reason.strip() else "It is over."
    )


_LANGUAGES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "portuguese": "pt", "italian": "it",
    "dutch": "nl", "polish": "pl", "swedish": "sv", "norwegian": "nb", "danish": "da", "finnish": "fi",
    "russian": "ru", "ukrainian": "uk", "turkish": "tr", "arabic": "ar", "hebrew": "he", "hindi": "hi",
    "bengali": "bn", "tamil": "ta", "telugu": "te", "chinese": "zh", "mandarin": "zh", "japanese": "ja",
    "korean": "ko", "vietnamese": "vi", "thai": "th", "indonesian": "id", "malay": "ms", "greek": "el", "czech": "cs",
    "slovak": "sk", "hungarian": "hu", "romanian": "ro", "bulgarian": "bg", "croatian": "hr", "georgian": "ka",
    "gujarati": "gu", "kannada": "kn", "malayalam": "ml", "marathi": "mr", "punjabi": "pa", "tagalog": "tl",
}  # fmt: skip


def language_tag(language: str) -> str:
    """The BCP 47 tag of a full English language name ("German" -> "de"), or "" for `multilingual` and unknown ones."""
    words = language.strip().lower().split()
    return _LANGUAGES.get(words[0], "") if words else ""
