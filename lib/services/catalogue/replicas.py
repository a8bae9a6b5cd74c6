"""Replicas: whether one can be worn, what its training says in plain words, who wears it.

Training errors and their texts: https://docs.tavus.io/sections/errors-and-status-details. A row carries the text, and
a callback or an older row may carry the code, so both are recognised; an unknown one is shown as Tavus says it.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from lib.clients.tavus import Tavus
from lib.errors import BadInput, GreenroomError, NotFound
from lib.models import Agent, Persona, Replica
from lib.services.catalogue.catalogue import Catalogue, Listing

log = logging.getLogger(__name__)

State = Literal["ready", "training", "error", "unknown"]

# code, a piece of Tavus's text that no other error has, what happened, what to do
ERRORS: tuple[tuple[str, str, str, str], ...] = (
    ("download_link", "issue downloading your", "Tavus could not download the training file",
     "Give a link that anyone can open and that leads to the file itself."),
    ("file_size", "exceeds the maximum file size", "The training file is larger than 750 MB", "Send a smaller one."),
    ("video_codec", "is not encoded using h.264", "The training video is not encoded as H.264",
     "Export it as an .mp4 with H.264."),
    ("video_codec_and_format", "issue processing your training video. please ensure that the training video is a .mp4",
     "The training video is not an .mp4 with H.264", "Export it as an .mp4 with H.264."),
    ("video_format", "is not a .mp4", "The training video is not an .mp4", "Export it as an .mp4 with H.264."),
    ("video_duration", "minimum duration requirement", "The training video is shorter than one minute",
     "Record 90 seconds to two minutes."),
    ("video_fps", "minimum frame rate", "The training video has fewer than 25 frames a second",
     "Record with 25 or more."),
    ("consent_phrase_mismatch", "consent phrase", "The consent was not spoken as Tavus asks for it",
     "Record the consent again, word for word."),
    ("face_or_obstruction_detected", "more than one face detected", "More than one face, or something in front of it",
     "Record one face, free to see in every frame."),
    ("lighting_change_detected", "lighting changes detected", "The light changed during the recording",
     "Record in even light."),
    ("background_noise_detected", "background noise", "Other sounds or voices are in the recording",
     "Record in a quiet room, one voice only."),
    ("video_editing_detected", "appears edited", "The video has cuts", "Record it in one take."),
    ("community_guidelines_violation", "community guidelines", "The video is against Tavus’s guidelines",
     "Read Tavus’s community guidelines and send another video."),
    ("excessive_movement_detected", "excessive movement", "There is too much movement",
     "Sit still, in the middle of the frame."),
    ("audio_processing", "processing the audio", "The sound of the training video could not be read",
     "Try again, with a short and plain name for the replica."),
    ("hands_obstructing_face", "hand obstructed", "A hand was in front of the face", "Keep hands away from the face."),
    ("second_person_detected", "second person", "A second person is in the frame", "Record with nobody else in it."),
    ("inconsistent_distance", "distance from the camera changed", "The distance to the camera changed",
     "Stay in one place while recording."),
    ("improper_distance", "too close to or too far", "The face was too near or too far",
     "Sit so that head and shoulders fill the frame."),
    ("face_turned_away", "turned away", "The face turned away from the camera", "Face the camera all the time."),
    ("improper_camera_angle", "camera angle", "The camera was too low or too high", "Put it at eye level."),
    ("poor_lighting", "poor lighting or heavy shadows", "The face was too dark", "Record with even light on the face."),
    ("teeth_not_visible", "teeth were not", "The teeth could not be seen", "Begin the recording with a broad smile."),
    ("video_processing", "appeared too small", "The face was too small or hidden", "Come nearer to the camera."),
    ("video_processing", "processing your training video file", "The training video could not be read",
     "Check that it plays, then send it again."),
    ("quality_issue_detected", "quality issue", "Tavus found a fault in the quality",
     "Check Tavus’s list for recordings, or ask its support."),
    ("other_quality_issue", "quality issue", "Tavus found a fault in the quality", "Ask Tavus’s support."),
)  # fmt: skip

_CODE = re.compile(r"^[a-z]+(_[a-z]+)+$")


@dataclass(frozen=True)
class Condition:
    """Where a replica stands. `words` say it in a few words, `hint` what to do; `progress` is 0 to 100 in training."""

    state: State
    words: str
    hint: str = ""
    progress: int | None = None

    @property
    def wearable(self) -> bool:
        return self.state == "ready"


def condition(replica: Replica) -> Condition:
    """What its status, progress and error mean."""
    if replica.ready:
        return Condition("ready", "Ready")
    if replica.status == "error":
        told, hint = plainly(replica.error_message)
        return Condition("error", told, hint)
    if replica.status == "started":
        done = _progress(replica)
        told = "Still in training" + ("" if done is None else f", {done} % done")
        return Condition("training", told, "Tavus takes some hours for it. Choose another replica meanwhile.", done)
    return Condition("unknown", f"Not ready: {replica.status[:40] or 'Tavus gives no status'}", "Ask Tavus’s support.")


def plainly(error: str) -> tuple[str, str]:
    """What a training error says in plain words, and what to do."""
    text = " ".join(error.split())
    lowered = text.lower()
    if _CODE.match(lowered):
        found = next((row for row in ERRORS if row[0] == lowered), None)
    else:
        found = next((row for row in ERRORS if row[1] in lowered), None)
    if found:
        return found[2], found[3]
    if not text:
        return "The training failed, Tavus does not say why", "Ask Tavus’s support."
    return f"The training failed: {text[:200]}", "Tavus’s own words. Its page on training errors says more."


@dataclass(frozen=True)
class Worn:
    """Who shows a replica in a call: agents, by their own choice or their persona's, and personas, by default."""

    agents: tuple[Agent, ...] = ()
    personas: tuple[Persona, ...] = ()

    @property
    def said(self) -> str:
        """ "Worn by 2 agents, 1 persona"; "" for nobody."""
        counted = ((len(self.agents), "agent"), (len(self.personas), "persona"))
        told = [f"{count} {noun}{'s' if count > 1 else ''}" for count, noun in counted if count]
        return f"Worn by {', '.join(told)}" if told else ""


def wearers(
    agents: Sequence[Agent],
    personas: Listing[Persona] | None,
    replica_of: Callable[[Agent, Persona | None], str],
) -> dict[str, Worn]:
    """Who wears which replica, by its id. `replica_of` says which one a call of an agent shows."""
    by_agent: defaultdict[str, list[Agent]] = defaultdict(list)
    by_persona: defaultdict[str, list[Persona]] = defaultdict(list)
    for agent in agents:
        by_agent[replica_of(agent, personas.find(agent.persona_id) if personas else None)].append(agent)
    for persona in personas.items if personas else ():
        by_persona[persona.default_replica_id].append(persona)
    return {key: Worn(tuple(by_agent[key]), tuple(by_persona[key])) for key in {*by_agent, *by_persona} - {""}}


class Replicas:
    """The replicas of the account, looked at one by one. Nothing here is billed."""

    def __init__(self, tavus: Tavus, catalogue: Catalogue) -> None:
        self._tavus = tavus
        self._catalogue = catalogue

    def check(self, replica_id: str) -> None:
        """Raises BadInput where Tavus says that this replica can't be worn: one request.

        Where Tavus can't be asked, nothing is said against it: an agent can be prepared without Tavus, and shows its
        state before a start.
        """
        try:
            replica = self._tavus.replicas.get(replica_id=replica_id)
        except NotFound:
            self._catalogue.replica_shelf.drop(replica_id)
            raise BadInput(
                f"There is no replica {replica_id[:60]!r} in this account.",
                code="replica_gone",
                hint="It may have been deleted. Choose another. Nothing was changed.",
            ) from None
        except GreenroomError as error:
            log.warning("replica could not be looked at: %s", error.code)
            return
        self._catalogue.replica_shelf.put(replica)
        found = condition(replica)
        if not found.wearable:
            raise BadInput(
                f"The replica {replica.name[:80] or replica.id} can’t be put on an agent. {found.words}.",
                code=f"replica_{found.state}",
                hint=f"{found.hint} Nothing was changed.",
            )


def _progress(replica: Replica) -> int | None:
    match = re.match(r"(\d{1,3})\s*/\s*100$", str(replica.raw.get("training_progress") or ""))
    return min(100, int(match[1])) if match else None
