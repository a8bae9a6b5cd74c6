"""The layers of a persona, in the order of Tavus's guides: what watches, hears, takes turns, thinks, speaks, carries.

Names, enums and defaults are those of `POST /v2/personas` (https://docs.tavus.io/api-reference/personas/create-persona),
of Tavus's guide to each layer, and of Tavus's own command line for the newer fields.
"""

from __future__ import annotations

from collections.abc import Iterator

from lib.services.personas.field import DOCS, NEWER_CREATE, NEWER_DOCS, FieldKind, Group, PersonaField

LEVELS = ("low", "medium", "high")
LEVEL_WORDS = (("low", "Low"), ("medium", "Medium"), ("high", "High"))
SENSITIVITIES = ("superlow", "verylow", "low", "medium", "high", "auto")


# One field a paragraph reads better than one argument a line.
# fmt: off
def _perception() -> Iterator[PersonaField]:
    doc, at = DOCS + "perception", ("layers", "perception")
    yield PersonaField(
        (*at, "perception_model"), "Model", "What watches and listens to the caller.",
        FieldKind.CHOICE, "raven-1", doc, ("raven-1", "raven-0", "off"),
        (("raven-1", "raven-1: sees and hears"), ("raven-0", "raven-0: sees (older)"), ("off", "Off: sees nothing")),
    )
    yield PersonaField(
        (*at, "visual_awareness_queries"), "Keep an eye on",
        "Questions it asks of the picture all through the call, one a line.",
        FieldKind.LINES, "nothing in particular", doc, legacy=((*at, "ambient_awareness_queries"),),
    )
    yield PersonaField(
        (*at, "audio_awareness_queries"), "Keep an ear on",
        "Questions it asks of the voice all through the call, one a line; needs raven-1.",
        FieldKind.LINES, "nothing in particular", doc,
    )
    yield PersonaField(
        (*at, "perception_analysis_queries"), "Answer after the call",
        "Questions that are answered once, in the analysis after the call, one a line.",
        FieldKind.LINES, "a general summary", doc,
    )
    yield PersonaField(
        (*at, "visual_tool_prompt"), "When to use the visual tools",
        "Tells it when to call a tool because of what it sees.",
        FieldKind.LONG, "no instruction", doc, limit=20_000,
        legacy=((*at, "perception_tool_prompt"), (*at, "tool_prompt")),
    )
    yield PersonaField(
        (*at, "visual_tools"), "Visual tools",
        "Functions it may call because of what it sees, as a JSON list.",
        FieldKind.JSON, "no tools", doc, legacy=((*at, "perception_tools"),),
    )
    yield PersonaField(
        (*at, "audio_tool_prompt"), "When to use the audio tools",
        "Tells it when to call a tool because of what it hears; needs raven-1.",
        FieldKind.LONG, "no instruction", doc, limit=20_000,
    )
    yield PersonaField(
        (*at, "audio_tools"), "Audio tools",
        "Functions it may call because of what it hears, as a JSON list; needs raven-1.",
        FieldKind.JSON, "no tools", doc,
    )
    yield PersonaField(
        (*at, "emotion_recognition"), "Reads emotions",
        "How much of the caller's feelings it may read from face and voice.",
        FieldKind.CHOICE, "auto", NEWER_CREATE, ("full", "limited", "auto"),
        (("full", "Full"), ("limited", "Limited"), ("auto", "Auto")),
    )


def _hearing() -> Iterator[PersonaField]:
    doc, at = DOCS + "stt", ("layers", "stt")
    flow = "Older, for sparrow-0: newer personas set this under Turn taking."
    yield PersonaField(
        (*at, "stt_engine"), "Engine", "What turns the caller's speech into text.", FieldKind.CHOICE, "tavus-auto", doc,
        ("tavus-auto", "tavus-parakeet", "tavus-soniox", "tavus-whisper", "tavus-deepgram-medical", "tavus-advanced"),
        (("tavus-auto", "tavus-auto: picks by language"), ("tavus-parakeet", "tavus-parakeet: fastest, European"),
         ("tavus-soniox", "tavus-soniox: Indian languages"), ("tavus-whisper", "tavus-whisper: most languages"),
         ("tavus-deepgram-medical", "tavus-deepgram-medical: clinical English"),
         ("tavus-advanced", "tavus-advanced (deprecated)")),
    )
    yield PersonaField(
        (*at, "hotwords"), "Words to expect", "Names and terms that it should spell right, in a phrase or two.",
        FieldKind.LONG, "none", doc, limit=5_000,
    )
    yield PersonaField(
        (*at, "smart_turn_detection"), "Smart turn detection",
        "Decides by meaning, not by silence alone, that the caller has finished.",
        FieldKind.BOOL, "off", doc, deprecated=flow,
    )
    yield PersonaField(
        (*at, "participant_pause_sensitivity"), "Sensitivity to pauses",
        "How soon a pause of the caller counts as the end of a turn.",
        FieldKind.CHOICE, "medium", doc, SENSITIVITIES, free=True, deprecated=flow,
    )
    yield PersonaField(
        (*at, "participant_interrupt_sensitivity"), "Sensitivity to interruptions",
        "How easily the caller's speech makes it stop talking.",
        FieldKind.CHOICE, "medium", doc, SENSITIVITIES, free=True, deprecated=flow,
    )


def _turns() -> Iterator[PersonaField]:
    doc, newer, at = DOCS + "conversational-flow", NEWER_DOCS + "conversational-flow", ("layers", "conversational_flow")
    yield PersonaField(
        (*at, "turn_taking_patience"), "Patience",
        "How long it waits before it takes the word: high lets people think.",
        FieldKind.CHOICE, "medium", doc, LEVELS, LEVEL_WORDS,
    )
    yield PersonaField(
        (*at, "replica_interruptibility"), "Gives way when interrupted",
        "How easily it stops talking when the caller speaks: high stops at once.",
        FieldKind.CHOICE, "medium", doc, LEVELS, LEVEL_WORDS,
        aliases=((*at, "face_interruptibility"), (*at, "pal_interruptibility")),
    )
    yield PersonaField(
        (*at, "turn_commitment"), "Holds on to its turn",
        "How firmly it goes on once it has begun to answer.",
        FieldKind.CHOICE, "medium", newer, LEVELS, LEVEL_WORDS,
    )
    yield PersonaField(
        (*at, "idle_engagement"), "Breaks a silence",
        "Whether it speaks up when the caller has been silent for a while.",
        FieldKind.CHOICE, "off", doc, ("off", "patient", "eager"),
        (("off", "Never"), ("patient", "Late"), ("eager", "Soon")),
    )
    yield PersonaField(
        (*at, "active_listening"), "Active listening",
        "Whether it shows that it follows while the caller speaks, in a word of Tavus's page.",
        default="off", doc=newer, limit=100,
    )
    yield PersonaField(
        (*at, "voice_isolation"), "Voice isolation", "Filters noise around a caller who is near the microphone.",
        FieldKind.CHOICE, "near", doc, ("near", "off"), (("near", "Near"), ("off", "Off")),
    )
    yield PersonaField(
        (*at, "noise_cancellation"), "Noise cancellation",
        "How noise is taken out of the caller's sound, in a word of Tavus's page.",
        default="off", doc=newer, limit=100,
    )
    yield PersonaField(
        (*at, "turn_detection_model"), "Turn model", "What decides that the caller has finished.",
        FieldKind.CHOICE, "sparrow-1", doc, ("sparrow-2", "sparrow-1", "sparrow-0", "timebased"),
        (("sparrow-0", "sparrow-0 (older)"), ("timebased", "timebased: silence only")), free=True,
    )
    yield PersonaField(
        (*at, "wake_phrase"), "Wake phrase", "It stays silent until it hears these words.",
        default="it answers at once", doc=doc, limit=200,
    )
    yield PersonaField(
        (*at, "sleep_phrase"), "Sleep phrase", "After these words it is silent again until it hears the wake phrase.",
        default="it stays awake", doc=newer, limit=200,
    )


def _language_model() -> Iterator[PersonaField]:
    doc, at = DOCS + "llm", ("layers", "llm")
    yield PersonaField(
        (*at, "model"), "Model", "The language model that answers: one of Tavus's, or the name of your own.",
        FieldKind.CHOICE, "tavus-gemma-4", doc,
        ("tavus-gemma-4", "tavus-gpt-oss", "tavus-glm-4.7", "tavus-gemini-2.5-flash", "tavus-gemini-3-flash",
         "tavus-claude-haiku-4.5", "tavus-gpt-5.2"), free=True,
    )
    yield PersonaField(
        (*at, "extra_body", "temperature"), "Temperature", "How freely it words its answers, from 0 to 2.",
        FieldKind.NUMBER, "the model's own", doc, low=0.0, high=2.0,
    )
    yield PersonaField(
        (*at, "extra_body", "top_p"), "Top p", "How many unlikely words it considers, from 0 to 1.",
        FieldKind.NUMBER, "the model's own", doc, low=0.0, high=1.0,
    )
    yield PersonaField(
        (*at, "speculative_inference"), "Think ahead",
        "Begins an answer while the caller still speaks, so that it comes sooner.",
        FieldKind.BOOL, "on", doc,
    )
    yield PersonaField(
        (*at, "tools"), "Tools in the persona",
        "Functions that the model may call, as a JSON list in OpenAI's form; newer tools go into Tavus's registry.",
        FieldKind.JSON, "no tools", doc,
    )
    yield PersonaField(
        (*at, "base_url"), "Own endpoint", "Address of your own OpenAI-compatible model, without /chat/completions.",
        default="a model that Tavus hosts", doc=doc, limit=2_000,
    )
    yield PersonaField(
        (*at, "api_key"), "Key of the own endpoint", "Sent to Tavus once and never shown again.",
        FieldKind.SECRET, "not set", doc, limit=4_000,
    )
    yield PersonaField(
        (*at, "headers"), "Headers for the own endpoint",
        "Sent along with each request, as a JSON object; never shown again.",
        FieldKind.SECRETS, "not set", doc, shape=dict,
    )
    yield PersonaField(
        (*at, "default_query"), "Query for the own endpoint", "Added to the address of each request, as a JSON object.",
        FieldKind.JSON, "none", doc, shape=dict,
    )


def _voice() -> Iterator[PersonaField]:
    doc, at = DOCS + "tts", ("layers", "tts")
    settings = (*at, "voice_settings")
    yield PersonaField(
        (*at, "tts_engine"), "Engine",
        "What speaks.", FieldKind.CHOICE, "cartesia", doc, ("cartesia", "elevenlabs", "azure"),
        (("cartesia", "Cartesia"), ("elevenlabs", "ElevenLabs"), ("azure", "Azure")),
    )
    yield PersonaField(
        (*at, "external_voice_id"), "Voice",
        "The engine's id of another voice.", default="the replica's own voice", doc=doc, limit=200,
    )
    yield PersonaField(
        (*at, "tts_model_name"), "Voice model",
        "The engine's model; Azure takes none.", default="sonic-3 with Cartesia", doc=doc, limit=200,
    )
    yield PersonaField(
        (*at, "tts_emotion_control"), "Emotion in the voice",
        "Lets the voice and face carry feeling; needs a phoenix-4 replica.",
        FieldKind.BOOL, "on", doc,
    )
    yield PersonaField(
        (*settings, "speed"), "Speed",
        "How fast it speaks, 1 is normal; ElevenLabs takes 0.7 to 1.2.",
        FieldKind.NUMBER, "the voice's own", doc,
    )
    for name, label, text in (
        ("stability", "Stability", "How evenly it speaks, from 0 to 1; ElevenLabs only."),
        ("similarity_boost", "Likeness", "How closely it keeps to the original voice, from 0 to 1; ElevenLabs only."),
        ("style", "Style", "How much it exaggerates the voice's style, from 0 to 1; ElevenLabs only."),
    ):
        yield PersonaField((*settings, name), label, text, FieldKind.NUMBER, "the voice's own", doc, low=0.0, high=1.0)
    yield PersonaField(
        (*settings, "use_speaker_boost"), "Speaker boost", "Brings out the original speaker; ElevenLabs only.",
        FieldKind.BOOL, "the voice's own", doc,
    )
    yield PersonaField(
        (*settings, "emotion"), "Mood of the voice",
        "Feelings that colour the voice, such as positivity:high, one a line; Cartesia only.",
        FieldKind.LINES, "neutral", doc,
    )
    yield PersonaField(
        (*at, "pronunciation_dictionary_id"), "Pronunciation dictionary", "Id of a dictionary of how names are said.",
        default="none", doc=doc, limit=200,
    )
    yield PersonaField(
        (*at, "api_key"), "Key of the voice engine",
        "Only for private voices; sent to Tavus once and never shown again.",
        FieldKind.SECRET, "not set", doc, limit=4_000,
    )


def _transport() -> Iterator[PersonaField]:
    doc, at = DOCS + "overview", ("layers", "transport")
    yield PersonaField(
        (*at, "transport_type"), "Carried by", "What carries sound and picture.", FieldKind.CHOICE, "daily", doc,
        ("daily", "livekit"), (("daily", "Daily"), ("livekit", "LiveKit")), free=True,
    )
    yield PersonaField(
        (*at, "input_settings", "microphone"), "Caller's microphone",
        "Whether the caller's microphone is taken in; an echo persona can repeat it.",
        FieldKind.CHOICE, "enabled", doc, ("enabled", "disabled"), (("enabled", "Enabled"), ("disabled", "Disabled")),
    )
    for name, label, text in (
        ("enable_chat", "Chat in the room", "Shows the room's own text chat."),
        ("start_audio_off", "Start muted", "The caller joins with the microphone off."),
        ("start_video_off", "Start without camera", "The caller joins with the camera off."),
        ("enable_people_ui", "List of people", "Shows who is in the room."),
        ("enable_network_ui", "Network quality", "Shows how good the connection is."),
        ("enable_noise_cancellation_ui", "Noise switch", "Shows the switch for noise cancellation."),
    ):
        yield PersonaField((*at, "room_settings", name), label, text, FieldKind.BOOL, "the room's own", doc)


# fmt: on
SIX = (
    Group("perception", "Perception", "Perception", "visibility", tuple(_perception())),
    Group("stt", "Hearing (STT)", "Hearing", "hearing", tuple(_hearing())),
    Group(
        "conversational_flow",
        "Turn taking",
        "Turn taking",
        "swap_horiz",
        tuple(_turns()),
        unset="The defaults below count once one field is set here. Until then Tavus takes turns in its own way.",
    ),
    Group("llm", "Language model", "Language model", "psychology", tuple(_language_model())),
    Group("tts", "Voice (TTS)", "Voice", "record_voice_over", tuple(_voice())),
    Group("transport", "Transport", "Transport", "cable", tuple(_transport())),
)
