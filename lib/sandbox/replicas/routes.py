"""`/v2/replicas` and `/v2/faces` (https://docs.tavus.io/api-reference/phoenix-replica-model/get-replicas)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.clock.clock import Clock
from lib.sandbox.replicas.pictures import addresses
from lib.sandbox.state import Row, SandboxState
from lib.sandbox.wire import fields
from lib.sandbox.wire.addresses import unreachable
from lib.sandbox.wire.callbacks import Callbacks
from lib.sandbox.wire.dialect import Dialect
from lib.sandbox.wire.responses import Refusal, base_url, body_object, flag, iso, new_id, page_of
from lib.sandbox.wire.vocabulary import both, older

KIND = "replica"
TEXTS = (
    "train_video_url", "train_image_url", "consent_video_url", "callback_url", "replica_name", "voice_name",
    "model_name",
)  # fmt: skip
DOWNLOAD_FAILED = "There was an issue downloading your training file. Check that the link is public and try again."


class ReplicaBook:
    """The replicas of the pretended account. Training takes `training_s` seconds of the sandbox's clock.

    A training file on a host under `.invalid` (reserved, so it can't be downloaded) ends in an error. Thread-safe.
    `changed` is called whenever a time to wake up may have come nearer.
    """

    def __init__(
        self, state: SandboxState, clock: Clock, callbacks: Callbacks, *, training_s: float, changed: Callable[[], None]
    ) -> None:
        self._state = state
        self._clock = clock
        self._callbacks = callbacks
        self._training_s = training_s
        self._changed = changed
        self._lock = threading.Lock()

    def find(self, replica_id: str) -> Row | None:
        return self._state.get(KIND, replica_id)

    def usable(self, replica_id: str) -> bool:
        """True if a conversation can be held with it: it exists and its training is done."""
        row = self.find(replica_id)
        return row is not None and row["status"] == "completed"

    def get(self, replica_id: str) -> Row:
        """Raises `Refusal`: an unknown id is 400 here."""
        row = self.find(replica_id)
        if row is None:
            raise Refusal("Invalid replica_id")
        return row

    def all(self) -> list[Row]:
        """Newest first."""
        return sorted(self._state.all(KIND), key=lambda row: row["created_at"], reverse=True)

    def train(self, body: Row) -> Row:
        fields.texts(body, TEXTS)
        video, image = body.get("train_video_url"), body.get("train_image_url")
        if bool(video) == bool(image):
            raise Refusal("Either train_video_url or train_image_url must be provided.")
        if image and not body.get("voice_name"):
            raise Refusal("voice_name is required with train_image_url.")
        now = self._clock.now()
        row: Row = {
            "replica_id": new_id("r"),
            "replica_name": body.get("replica_name") or "",
            "replica_type": "user",
            "status": "started",
            "model_name": body.get("model_name") or "phoenix-4",
            "training_progress": "0/100",
            "error_message": None,
            "created_at": iso(now),
            "updated_at": iso(now),
            "_training": {"from": now, "url": video or image, "callback_url": body.get("callback_url") or ""},
        }
        self._state.put(KIND, row["replica_id"], row)
        self._changed()
        return row

    def rename(self, replica_id: str, name: Any) -> None:
        if not isinstance(name, str):
            raise Refusal("replica_name must be a string.")
        with self._lock:
            row = self._own(replica_id)
            self._state.put(KIND, replica_id, {**row, "replica_name": name, "updated_at": iso(self._clock.now())})

    def delete(self, replica_id: str) -> None:
        with self._lock:
            self._own(replica_id)
            self._state.delete(KIND, replica_id)

    def tick(self) -> None:
        """Finish the trainings whose time has come, and say so to their callback URL."""
        with self._lock:
            for row in self._in_training():
                if self._clock.now() >= row["_training"]["from"] + self._training_s:
                    self._finish(row)

    def wait_s(self) -> float | None:
        """Seconds until `tick` has something to do, None for never."""
        waits = [row["_training"]["from"] + self._training_s - self._clock.now() for row in self._in_training()]
        return None if self._clock.frozen else min(waits, default=None)

    def shown(self, row: Row, base: str, *, verbose: bool) -> Row:
        """A row as the wire gives it; `replica_type` only with `verbose`, a film only of what is trained."""
        told = {key: value for key, value in row.items() if not key.startswith("_")}
        if "_training" in row:
            done = (self._clock.now() - row["_training"]["from"]) / self._training_s if self._training_s else 1.0
            told["training_progress"] = f"{min(max(int(done * 100), 0), 99)}/100"
        if not verbose:
            told.pop("replica_type")
        told |= addresses(base, row["replica_id"])
        if row["status"] != "completed":
            told["thumbnail_video_url"] = ""
        return both(told)

    def _in_training(self) -> list[Row]:
        return [row for row in self._state.all(KIND) if "_training" in row]

    def _finish(self, row: Row) -> None:
        training = row["_training"]
        failed = unreachable(training["url"])
        result = {key: value for key, value in row.items() if key != "_training"}
        result |= {
            "status": "error" if failed else "completed",
            "error_message": DOWNLOAD_FAILED if failed else None,
            "training_progress": "0/100" if failed else "100/100",
            "updated_at": iso(self._clock.now()),
        }
        self._state.put(KIND, row["replica_id"], result)
        told: Row = {"replica_id": row["replica_id"], "status": "error" if failed else "ready"}
        if failed:
            told["error_message"] = DOWNLOAD_FAILED
        self._callbacks.post(training["callback_url"], told)

    def _own(self, replica_id: str) -> Row:
        row = self.get(replica_id)
        if row["replica_type"] == "system":
            raise Refusal("A stock replica cannot be changed.")
        return row


class ReplicaRoutes:
    """The handlers. None of them blocks."""

    def __init__(self, replicas: ReplicaBook, dialect: Callable[[], Dialect]) -> None:
        self._replicas = replicas
        self._dialect = dialect

    async def train(self, request: Request) -> Response:
        row = self._replicas.train(older(await body_object(request)))
        return JSONResponse(both({"replica_id": row["replica_id"], "status": row["status"]}))

    async def list(self, request: Request) -> Response:
        asked = older(dict(request.query_params))
        rows = self._replicas.all()
        for name in ("replica_type", "model_name"):
            if asked.get(name):
                rows = [row for row in rows if row[name] == asked[name]]
        if asked.get("replica_ids"):
            wanted = {one.strip() for one in asked["replica_ids"].split(",")}
            rows = [row for row in rows if row["replica_id"] in wanted]
        page = page_of(request, rows, first_page=self._dialect().page_base)
        page["data"] = [self._shown(request, row) for row in page["data"]]
        return JSONResponse(page)

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._shown(request, self._replicas.get(request.path_params["id"])))

    async def rename(self, request: Request) -> Response:
        self._replicas.get(request.path_params["id"])
        self._replicas.rename(request.path_params["id"], older(await body_object(request)).get("replica_name"))
        return Response(status_code=200)

    async def merge(self, request: Request) -> Response:
        """`PATCH /v2/faces/{id}`, the newer way to rename (https://docs.tavus.io/api-reference/faces/update-face)."""
        replica_id = request.path_params["id"]
        self._replicas.get(replica_id)
        given = older(await body_object(request))
        if "replica_name" in given:
            self._replicas.rename(replica_id, given["replica_name"])
        row = self._replicas.get(replica_id)
        voice = given.get("default_voice_id")
        return JSONResponse(
            {
                **both({"replica_id": replica_id, "replica_name": row["replica_name"]}),
                "default_voice_id": voice if isinstance(voice, str) else None,
                "original_voice_id": None,
            }
        )

    async def delete(self, request: Request) -> Response:
        """`hard` makes no difference that a client could see: the replica is gone either way."""
        self._replicas.delete(request.path_params["id"])
        return Response(status_code=self._dialect().replica_delete)

    def _shown(self, request: Request, row: Row) -> Row:
        return self._replicas.shown(row, base_url(request.scope), verbose=flag(request, "verbose"))
