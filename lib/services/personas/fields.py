"""The fields of a persona as data, so that the form is drawn from a list and not written by hand.

Names, enums and defaults are those of `POST /v2/personas` (https://docs.tavus.io/api-reference/personas/create-persona)
and of Tavus's guide to each layer. Fields that are not listed here travel untouched: see `form`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

DOCS = "https://docs.tavus.io/sections/conversational-video-interface/persona/"
CREATE = "https://docs.tavus.io/api-reference/personas/create-persona"


class Kind(StrEnum):
    """How a field is typed in, and so what its value is in the form (see `form.read`)."""

    TEXT = "text"  # str, one line
    LONG = "long"  # str, several lines
    LINES = "lines"  # str, one entry a line; a list of strings on the wire
    CHOICE = "choice"  # str, "" is Tavus's own default
    BOOL = "bool"  # True, False, or None for Tavus's own default
    NUMBER = "number"  # int or float, or None
    JSON = "json"  # str that parses; a list or an object on the wire
    SECRET = "secret"  # noqa: S105 - a word, not a secret: str to set, "" to keep what is stored, None to remove it; never read back
    SECRETS = "secrets"  # the same for an object whose values are secret


@dataclass(frozen=True)
class Field:
    """One field: where it lives in the row, what it is called, and what may be put in it.

    `choices` are the wire's words; `free` allows others to be typed. `words` says them in plain English where they
    need it. `default` is what applies when the field is empty. `limit` is the most characters, or entries of a list.
    """

    path: tuple[str, ...]
    label: str
    text: str
    kind: Kind = Kind.TEXT
    default: str = ""
    doc: str = CREATE
    choices: tuple[str, ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    free: bool = False
    aliases: tuple[tuple[str, ...], ...] = ()
    limit: int = 0
    low: float | None = None
    high: float | None = None
    shape: type = list

    @property
    def key(self) -> str:
        return ".".join(self.path)

    @property
    def help(self) -> str:
        """One sentence in Markdown, what applies when empty, and where Tavus explains it."""
        empty = f" Empty: {self.default}." if self.default else ""
        return f"{self.text}{empty} [Tavus's page]({self.doc})"

    def say(self, choice: str) -> str:
        return dict(self.words).get(choice, choice)


@dataclass(frozen=True)
class Group:
    """Fields that are shown together: a layer, or the knowledge and rules. `word` names it in a change."""

    key: str
    label: str
    word: str
    icon: str
    fields: tuple[Field, ...]


# One field a paragraph reads better than one argument a line.
# fmt: off
NAME = Field(
    ("persona_name",), "Name", "What the persona is called, here and when it joins a call.",
    limit=200, aliases=(("pal_name",),),
)
PROMPT = Field(
    ("system_prompt",), "System prompt", "Who the persona is and how it behaves, written to it as instructions.",
    Kind.LONG, limit=120_000, doc=DOCS + "overview",
)
CONTEXT = Field(
    ("context",), "Context", "Background for every call of this persona.",
    Kind.LONG, "nothing is added", limit=120_000,
)
GREETING = Field(
    ("greeting",), "Greeting", "The first thing that it says, which a caller can't interrupt.",
    Kind.LONG, "it opens in its own words", limit=5_000,
)
REPLICA = Field(
    ("default_replica_id",), "Default replica", "The face and voice that it wears unless an agent names another.",
    default="each agent names its own", aliases=(("default_face_id",),),
)
MODE = Field(
    ("pipeline_mode",), "Pipeline", "Whether it converses by itself, or only speaks what it is sent.",
    Kind.CHOICE, "full", DOCS + "overview", ("full", "echo", "speech-to-speech"),
    (("full", "Full: hears, thinks, speaks"), ("echo", "Echo: speaks what it is sent"),
     ("speech-to-speech", "Speech to speech")),
)

ESSENTIALS = (NAME, PROMPT, CONTEXT, GREETING, REPLICA, MODE)


def _perception() -> Iterator[Field]:
    doc, at = DOCS + "perception", ("layers", "perception")
    yield Field(
        (*at, "perception_model"), "Model", "What watches and listens to the caller.",
        Kind.CHOICE, "raven-1", doc, ("raven-1", "raven-0", "off"),
        (("raven-1", "raven-1: sees and hears"), ("raven-0", "raven-0: sees (older)"), ("off", "Off: sees nothing")),
    )
    yield Field(
        (*at, "visual_awareness_queries"), "Keep an eye on",
        "Questions it asks of the picture all through the call, one a line.",
        Kind.LINES, "nothing in particular", doc,
    )
    yield Field(
        (*at, "audio_awareness_queries"), "Keep an ear on",
        "Questions it asks of the voice all through the call, one a line; needs raven-1.",
        Kind.LINES, "nothing in particular", doc,
    )
    yield Field(
        (*at, "perception_analysis_queries"), "Answer after the call",
        "Questions that are answered once, in the analysis after the call, one a line.",
        Kind.LINES, "a general summary", doc,
    )
    for sense, needs in (("visual", ""), ("audio", "; needs raven-1")):
        what = "sees" if sense == "visual" else "hears"
        yield Field(
            (*at, f"{sense}_tool_prompt"), f"When to use the {sense} tools",
            f"Tells it when to call a tool because of what it {what}{needs}.",
            Kind.LONG, "no instruction", doc, limit=20_000,
        )
        yield Field(
            (*at, f"{sense}_tools"), f"{sense.capitalize()} tools",
            f"Functions it may call because of what it {what}, as a JSON list{needs}.",
            Kind.JSON, "no tools", doc,
        )


def _hearing() -> Iterator[Field]:
    doc, at = DOCS + "stt", ("layers", "stt")
    yield Field(
        (*at, "stt_engine"), "Engine", "What turns the caller's speech into text.", Kind.CHOICE, "tavus-auto", doc,
        ("tavus-auto", "tavus-parakeet", "tavus-soniox", "tavus-whisper", "tavus-deepgram-medical", "tavus-advanced"),
        (("tavus-auto", "tavus-auto: picks by language"), ("tavus-parakeet", "tavus-parakeet: fastest, European"),
         ("tavus-soniox", "tavus-soniox: Indian languages"), ("tavus-whisper", "tavus-whisper: most languages"),
         ("tavus-deepgram-medical", "tavus-deepgram-medical: clinical English"),
         ("tavus-advanced", "tavus-advanced (deprecated)")),
    )
    yield Field(
        (*at, "hotwords"), "Words to expect", "Names and terms that it should spell right, in a phrase or two.",
        Kind.LONG, "none", doc, limit=5_000,
    )


def _turns() -> Iterator[Field]:
    doc, at = DOCS + "conversational-flow", ("layers", "conversational_flow")
    levels = ("low", "medium", "high")
    level_words = (("low", "Low"), ("medium", "Medium"), ("high", "High"))
    yield Field(
        (*at, "turn_taking_patience"), "Patience",
        "How long it waits before it takes the word: high lets people think.",
        Kind.CHOICE, "medium", doc, levels, level_words,
    )
    yield Field(
        (*at, "replica_interruptibility"), "Gives way when interrupted",
        "How easily it stops talking when the caller speaks: high stops at once.",
        Kind.CHOICE, "medium", doc, levels, level_words,
        aliases=((*at, "face_interruptibility"), (*at, "pal_interruptibility")),
    )
    yield Field(
        (*at, "idle_engagement"), "Breaks a silence",
        "Whether it speaks up when the caller has been silent for a while.",
        Kind.CHOICE, "off", doc, ("off", "patient", "eager"),
        (("off", "Never"), ("patient", "Late"), ("eager", "Soon")),
    )
    yield Field(
        (*at, "voice_isolation"), "Voice isolation", "Filters noise around a caller who is near the microphone.",
        Kind.CHOICE, "near", doc, ("near", "off"), (("near", "Near"), ("off", "Off")),
    )
    yield Field(
        (*at, "turn_detection_model"), "Turn model", "What decides that the caller has finished.",
        Kind.CHOICE, "sparrow-1", doc, ("sparrow-1", "sparrow-0", "timebased"),
        (("sparrow-0", "sparrow-0 (older)"), ("timebased", "timebased: silence only")), free=True,
    )
    yield Field(
        (*at, "wake_phrase"), "Wake phrase", "It stays silent until it hears these words.",
        default="it answers at once", doc=doc, limit=200,
    )


def _language_model() -> Iterator[Field]:
    doc, at = DOCS + "llm", ("layers", "llm")
    yield Field(
        (*at, "model"), "Model", "The language model that answers: one of Tavus's, or the name of your own.",
        Kind.CHOICE, "Tavus’s own", doc,
        ("tavus-gemma-4", "tavus-gpt-oss", "tavus-glm-4.7", "tavus-gemini-2.5-flash", "tavus-gemini-3-flash",
         "tavus-claude-haiku-4.5", "tavus-gpt-5.2"), free=True,
    )
    yield Field(
        (*at, "extra_body", "temperature"), "Temperature", "How freely it words its answers, from 0 to 2.",
        Kind.NUMBER, "the model's own", doc, low=0.0, high=2.0,
    )
    yield Field(
        (*at, "extra_body", "top_p"), "Top p", "How many unlikely words it considers, from 0 to 1.",
        Kind.NUMBER, "the model's own", doc, low=0.0, high=1.0,
    )
    yield Field(
        (*at, "speculative_inference"), "Think ahead",
        "Begins an answer while the caller still speaks, so that it comes sooner.",
        Kind.BOOL, "on", doc,
    )
    yield Field(
        (*at, "tools"), "Tools",
        "Functions that the model may call, as a JSON list in OpenAI's form.", Kind.JSON, "no tools", doc,
    )
    yield Field(
        (*at, "base_url"), "Own endpoint", "Address of your own OpenAI-compatible model, without /chat/completions.",
        default="a model that Tavus hosts", doc=doc, limit=2_000,
    )
    yield Field(
        (*at, "api_key"), "Key of the own endpoint", "Sent to Tavus once and never shown again.",
        Kind.SECRET, "no key", doc, limit=4_000,
    )
    yield Field(
        (*at, "headers"), "Headers for the own endpoint",
        "Sent along with each request, as a JSON object; never shown again.",
        Kind.SECRETS, "none", doc, shape=dict,
    )
    yield Field(
        (*at, "default_query"), "Query for the own endpoint", "Added to the address of each request, as a JSON object.",
        Kind.JSON, "none", doc, shape=dict,
    )


def _voice() -> Iterator[Field]:
    doc, at = DOCS + "tts", ("layers", "tts")
    yield Field(
        (*at, "tts_engine"), "Engine",
        "What speaks.", Kind.CHOICE, "cartesia", doc, ("cartesia", "elevenlabs", "azure"),
        (("cartesia", "Cartesia"), ("elevenlabs", "ElevenLabs"), ("azure", "Azure")),
    )
    yield Field(
        (*at, "external_voice_id"), "Voice",
        "The engine's id of another voice.", default="the replica's own voice", doc=doc, limit=200,
    )
    yield Field(
        (*at, "tts_model_name"), "Voice model",
        "The engine's model; Azure takes none.", default="sonic-3 with Cartesia", doc=doc, limit=200,
    )
    yield Field(
        (*at, "tts_emotion_control"), "Emotion in the voice",
        "Lets the voice and face carry feeling; needs a phoenix-4 replica.",
        Kind.BOOL, "on", doc,
    )
    yield Field(
        (*at, "voice_settings"), "Voice settings",
        "The engine's own settings, such as speed or stability, as a JSON object.",
        Kind.JSON, "the engine's own", doc, shape=dict,
    )
    yield Field(
        (*at, "pronunciation_dictionary_id"), "Pronunciation dictionary", "Id of a dictionary of how names are said.",
        default="none", doc=doc, limit=200,
    )
    yield Field(
        (*at, "api_key"), "Key of the voice engine",
        "Only for private voices; sent to Tavus once and never shown again.",
        Kind.SECRET, "no key", doc, limit=4_000,
    )


def _transport() -> Iterator[Field]:
    doc, at = DOCS + "overview", ("layers", "transport")
    yield Field(
        (*at, "transport_type"), "Carried by", "What carries sound and picture.", Kind.CHOICE, "daily", doc,
        ("daily", "livekit"), (("daily", "Daily"), ("livekit", "LiveKit")), free=True,
    )
    yield Field(
        (*at, "input_settings", "microphone"), "Caller's microphone",
        "Whether the caller's microphone is taken in; an echo persona can repeat it.",
        Kind.CHOICE, "enabled", doc, ("enabled", "disabled"), (("enabled", "Enabled"), ("disabled", "Disabled")),
    )
    for name, label, text in (
        ("enable_chat", "Chat in the room", "Shows the room's own text chat."),
        ("start_audio_off", "Start muted", "The caller joins with the microphone off."),
        ("start_video_off", "Start without camera", "The caller joins with the camera off."),
        ("enable_people_ui", "List of people", "Shows who is in the room."),
        ("enable_network_ui", "Network quality", "Shows how good the connection is."),
        ("enable_noise_cancellation_ui", "Noise switch", "Shows the switch for noise cancellation."),
    ):
        yield Field((*at, "room_settings", name), label, text, Kind.BOOL, "the room's own", doc)


def _knowledge() -> Iterator[Field]:
    for name, label, text, limit in (
        ("document_ids", "Documents", "Ids of documents that it knows, one a line.", 0),
        ("document_tags", "Documents by tag", "Every document with one of these tags, one a line.", 0),
        ("guardrail_ids", "Guardrails", "Ids of rules that it must keep to, one a line, at most 50.", 50),
        ("guardrail_tags", "Guardrails by tag", "Every rule with one of these tags, one a line, at most 50.", 50),
        ("tool_ids", "Tools", "Ids of tools from Tavus's registry, one a line, at most 50.", 50),
    ):
        yield Field((name,), label, text, Kind.LINES, "none", limit=limit)
    yield Field(("objectives_id",), "Objectives", "Id of the goals that it works towards.", default="none", limit=200)
    yield Field(
        ("guardrails_id",), "Guardrail set", "Id of an older set of rules; new ones go under Guardrails.",
        default="none", limit=200,
    )


# fmt: on
LAYERS = (
    Group("perception", "Perception", "Perception", "visibility", tuple(_perception())),
    Group("stt", "Hearing (STT)", "Hearing", "hearing", tuple(_hearing())),
    Group("conversational_flow", "Turn taking", "Turn taking", "swap_horiz", tuple(_turns())),
    Group("llm", "Language model", "Language model", "psychology", tuple(_language_model())),
    Group("tts", "Voice (TTS)", "Voice", "record_voice_over", tuple(_voice())),
    Group("transport", "Transport", "Transport", "cable", tuple(_transport())),
    Group("knowledge", "Knowledge and rules", "Knowledge", "menu_book", tuple(_knowledge())),
)
FIELDS = (*ESSENTIALS, *(field for group in LAYERS for field in group.fields))
BY_KEY = {field.key: field for field in FIELDS}

READ_ONLY = frozenset(
    ("persona_id", "pal_id", "persona_type", "pal_type", "created_at", "updated_at", "conferencing_email")
)
"""Keys that Tavus writes itself: shown, never sent."""


def title(field: Field) -> str:
    """The field's name with its group's, as a list of changes needs it: "Voice, engine"."""
    for group in LAYERS:
        if field in group.fields:
            return f"{group.word}, {field.label[0].lower()}{field.label[1:]}"
    return field.label
