"""Hears one worker of a cluster from its start to its end, by following its pod's log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from lib.models import JsonObject, branch
from lib.services.modes.workers import launcher
from lib.services.modes.workers.kubernetes import causes
from lib.services.modes.workers.kubernetes.api import Cluster, ClusterRefused
from lib.services.modes.workers.kubernetes.causes import PodEnd, PodFailure
from lib.services.modes.workers.kubernetes.job import GRACE_S, WorkerJob, labels_of, selector
from lib.services.modes.workers.launcher import Heard
from lib.worker import Event, parsed

log = logging.getLogger(__name__)

PLACED_WITHIN_S = 60.0
"""Less than a start may take, so that its cause is told and not only that it took too long."""

WITHDRAWN_WITHIN_S = 10.0
LOOK_EVERY_S, AGAIN_AFTER_S = 0.5, 1.0
MARK_EVERY_S = 20.0


class Follower:
    """One worker. `over` is called once at the end, before the end is told."""

    def __init__(self, cluster: Cluster, worker: WorkerJob, heard: Heard, over: Callable[[], None]) -> None:
        self.beaten_at = time.monotonic()
        self.stopping = threading.Event()
        self.ending = False
        self._cluster = cluster
        self._worker = worker
        self._heard = heard
        self._over = over
        self._pods = selector(labels_of(worker.installation, worker.plan.session_id))
        self._read = 0
        self._marked_at: float | None = None
        self._marks = 0
        self._until = time.monotonic() + worker.limit_s + GRACE_S

    def open(self) -> None:
        name = f"greenroom-worker-{self._worker.plan.session_id}"
        threading.Thread(target=self._follow, name=name, daemon=True).start()

    def _follow(self) -> None:
        end = causes.end_of_job(None)
        try:
            if pod := self._placed():
                end = self._hear(pod)
        except Exception:
            log.exception("the worker of session %s can't be heard any more", self._worker.plan.session_id)
            self._delete()
        finally:
            self._over()
        self._tell({"event": launcher.GONE, "code": end.code, **({"why": end.why} if end.why else {})})

    # until it runs

    def _placed(self) -> str:
        """The name of its pod once its process runs; "" if it never will, which was told then."""
        give_up = time.monotonic() + PLACED_WITHIN_S
        cause: PodFailure | None = None
        while not self.stopping.is_set():
            self._mark()
            try:
                pod = self._cluster.pod(self._pods)
                if pod is not None and causes.started(pod):
                    return str(branch(pod, "metadata")["name"])
                if pod is None and self._cluster.job(self._worker.name) is None:
                    return ""
                cause = self._kept(pod) or cause
            except ClusterRefused as refused:
                cause = causes.of_answer(refused, self._cluster.namespace)
            late = time.monotonic() > give_up
            if late or (cause and cause.final):
                self._not_placed(cause or causes.NOT_PLACED)
                return ""
            self.stopping.wait(LOOK_EVERY_S)
        return ""

    def _kept(self, pod: JsonObject | None) -> PodFailure | None:
        """What keeps it from running, as far as the cluster says."""
        name = self._worker.name
        if pod is not None:
            return causes.of_pod(pod, self._worker.image, name)
        try:
            return causes.of_complaint(self._cluster.complaint(name))
        except ClusterRefused:
            # Events are a help, not a need.
            return None

    def _not_placed(self, cause: PodFailure) -> None:
        """Take it back and tell why; where it may have run all the same, that is told instead."""
        if self._withdrawn():
            said = {"message": cause.told, "hint": cause.hint, "besides": causes.NOTHING}
            self._tell({"event": Event.ERROR, "code": "not_placed", "cause": cause.code, **said})
        else:
            self._tell({"event": Event.ERROR, "code": "ambiguous", "message": cause.told})

    def _withdrawn(self) -> bool:
        """Delete the Job; True if it is certain that its process never ran."""
        self._delete()
        give_up = time.monotonic() + WITHDRAWN_WITHIN_S
        while time.monotonic() < give_up:
            try:
                pod = self._cluster.pod(self._pods)
                if pod is not None and causes.started(pod):
                    return False
                if pod is None and self._cluster.job(self._worker.name) is None:
                    return True
            except ClusterRefused:
                pass
            time.sleep(LOOK_EVERY_S)
        return False

    # while it runs

    def _hear(self, pod: str) -> PodEnd:
        """Tell what it tells, over all breaks of the connection, until it is over."""
        while True:
            try:
                self._read_on(pod)
                connected = True
            except ClusterRefused as refused:
                # Nothing came for as long as a living worker is never silent.
                connected = refused.sent and refused.status is None
            end = self._ended(connected)
            if end is not None:
                return end
            self.stopping.wait(AGAIN_AFTER_S) if not self.stopping.is_set() else time.sleep(AGAIN_AFTER_S)

    def _read_on(self, pod: str) -> None:
        """The log begins anew with each connection: what was heard already is left out."""
        for number, line in enumerate(self._cluster.lines(pod, within_s=launcher.SILENT_S)):
            if number < self._read:
                continue
            self._read += 1
            self.beaten_at = time.monotonic()
            event = parsed(line)
            if event.get("event") == Event.BEAT:
                self._mark()
            elif event:
                self._tell(self._of_image(event))

    def _ended(self, connected: bool) -> PodEnd | None:
        """How it ended; None while it goes on, or while that can't be known."""
        try:
            pod = self._cluster.pod(self._pods)
            end = causes.end_of(pod) if pod else causes.end_of_job(self._cluster.job(self._worker.name))
        except ClusterRefused:
            if time.monotonic() < self._until:
                return None
            return PodEnd(None, "the cluster could not be asked any more")
        if end is None and connected and time.monotonic() - self.beaten_at >= launcher.SILENT_S:
            log.warning("the worker of session %s is silent and is ended", self._worker.plan.session_id)
            self._delete()
            return PodEnd(None, "it fell silent")
        return end

    def _of_image(self, event: JsonObject) -> JsonObject:
        """Packages that can't be loaded are those of the image, not of this machine."""
        if event.get("event") != Event.ERROR or event.get("code") != "import":
            return event
        last = str(event.get("told", "")).strip().splitlines()[-1:] or ["no reason given"]
        told = f"The worker's image {self._worker.image} lacks a package: {last[0][:200].rstrip('.')}."
        said = {"message": told, "hint": f"Build it as in {causes.GUIDE}.", "besides": causes.NOTHING}
        return {**event, "code": "not_placed", "cause": "image_import", **said}

    def _mark(self) -> None:
        """Show the other dashboards, now and then, that this worker is heard."""
        now = time.monotonic()
        if self._marked_at is not None and now - self._marked_at < MARK_EVERY_S:
            return
        self._marked_at, self._marks = now, self._marks + 1
        try:
            self._cluster.mark(self._worker.name, f"{id(self):x}-{self._marks}")
        except ClusterRefused as refused:
            log.warning("the Job %s could not be marked: %s", self._worker.name, refused.message)

    def _delete(self) -> None:
        try:
            self._cluster.delete_job(self._worker.name)
        except ClusterRefused as refused:
            log.warning("the Job %s could not be deleted yet: %s", self._worker.name, refused.message)
        except Exception:
            # Whoever leads finds it among the left ones.
            log.exception("the Job %s could not be deleted yet", self._worker.name)

    def _tell(self, event: JsonObject) -> None:
        self.ending = self.ending or event.get("event") in launcher.LAST
        try:
            self._heard(self._worker.plan.session_id, event)
        except Exception:
            log.exception("what the worker of session %s told could not be used", self._worker.plan.session_id)
