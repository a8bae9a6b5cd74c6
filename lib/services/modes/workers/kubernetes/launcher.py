"""The launcher past one machine: one Job of a cluster a session.

A worker of a cluster is heard by its pod's log and told nothing but its end: no line goes in. So only Daily rooms are
possible there; a browser of this machine can't be offered (OFFER), and nothing typed (SAY) or thought here (ANSWER) is
handed on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from lib.errors import Ambiguous, Conflict, GreenroomError, LimitReached, SettingsWrong
from lib.models import JsonObject, branch, objects
from lib.services.modes.workers.kubernetes import causes
from lib.services.modes.workers.kubernetes.api import Cluster, ClusterRefused
from lib.services.modes.workers.kubernetes.follower import Follower
from lib.services.modes.workers.kubernetes.job import HEARD, SESSION, WorkerJob, job_name, labels_of, selector
from lib.services.modes.workers.launcher import Heard, WorkerState
from lib.worker import Command, WorkerPlan

log = logging.getLogger(__name__)

CLOSE_WITHIN_S = 5.0


class KubernetesLauncher:
    """Jobs of one namespace, `at_most` at once. `installation` is what marks this database's, known once it is open."""

    here = False

    def __init__(
        self,
        cluster: Cluster,
        *,
        installation: Callable[[], str],
        image: str,
        secret: str,
        memory_mb: int,
        at_most: int,
    ) -> None:
        self._cluster = cluster
        self._installation = installation
        self._image = image
        self._secret = secret
        self._memory_mb = memory_mb
        self._at_most = at_most
        self._followers: dict[str, Follower] = {}
        self._door = threading.Lock()
        self._marks: dict[str, tuple[str, float]] = {}

    def start(self, plan: WorkerPlan, heard: Heard) -> None:
        """Make the Job, then the Secret that lets it begin. Raises as the protocol says.

        Where the Secret was not made no worker can have begun, so only a Secret without an answer is unclear.
        """
        if plan.transport != "daily":
            told = "A worker of a cluster can only speak in a Daily room."
            raise SettingsWrong(told, code="daily_only", hint="Set WORKER_LAUNCHER=local for the sandbox.")
        if plan.session_id in self._followers:
            raise Conflict("This session has a worker already.", hint="Reload the page. No second one was started.")
        worker = WorkerJob(plan, self._installation(), self._image, self._secret, self._memory_mb)
        manifest = worker.job()
        try:
            self._room_for_one()
            uid = self._cluster.create_job(manifest)
        except ClusterRefused as refused:
            if refused.status == 409:
                told = "The cluster has a worker of this session already; no second one was started."
                raise Ambiguous(told, code="started_twice") from None
            if refused.unclear:
                self.stop(plan.session_id)
            raise causes.of_answer(refused, self._cluster.namespace).error() from None
        try:
            self._cluster.create_secret(worker.own_secret(uid))
        except ClusterRefused as refused:
            self.stop(plan.session_id)
            if refused.unclear:
                raise Ambiguous("The cluster did not say whether the worker may begin.", code="no_answer") from None
            raise causes.of_answer(refused, self._cluster.namespace).error() from None
        except BaseException:
            self.stop(plan.session_id)
            raise
        follower = Follower(self._cluster, worker, heard, lambda: self._forget(plan.session_id))
        with self._door:
            self._followers[plan.session_id] = follower
        follower.open()

    def tell(self, session_id: str, command: Command, **values: object) -> bool:
        """Only that it is to end; see the top of this file."""
        if command is not Command.STOP or session_id not in self._followers:
            return False
        self.stop(session_id)
        return True

    def status(self, session_id: str) -> WorkerState | None:
        """None if the cluster has no such Job. Raises SettingsWrong."""
        try:
            job = self._cluster.job(job_name(self._installation(), session_id))
        except ClusterRefused as refused:
            raise causes.of_answer(refused, self._cluster.namespace).error() from None
        return self._state(job) if job else None

    def list(self) -> list[WorkerState]:
        """All workers of this database, also those that another process started. Raises SettingsWrong."""
        try:
            jobs = self._cluster.jobs(selector(labels_of(self._installation())))
        except ClusterRefused as refused:
            raise causes.of_answer(refused, self._cluster.namespace).error() from None
        states = [self._state(job) for job in jobs if SESSION in branch(job, "metadata", "labels")]
        known = {state.session_id for state in states}
        self._marks = {name: mark for name, mark in self._marks.items() if name in known}
        return states

    def stop(self, session_id: str) -> None:
        """Delete its Job, whoever made it. What fails now is tried again when the left ones are looked for."""
        follower = self._followers.get(session_id)
        if follower is not None:
            follower.stopping.set()
        try:
            self._cluster.delete_job(job_name(self._installation(), session_id))
        except ClusterRefused as refused:
            log.warning("the Job of session %s could not be deleted yet: %s", session_id, refused.message)
        except GreenroomError as error:
            log.warning("the Job of session %s could not be deleted yet: %s", session_id, error.code)

    def close(self) -> None:
        """Delete the Jobs that this process hears, all at once, and wait for none of them."""
        with self._door:
            sessions = list(self._followers)
        threads = [threading.Thread(target=self.stop, args=(one,), daemon=True) for one in sessions]
        for thread in threads:
            thread.start()
        give_up = time.monotonic() + CLOSE_WITHIN_S
        for thread in threads:
            thread.join(max(0.0, give_up - time.monotonic()))

    def _room_for_one(self) -> None:
        """Raises LimitReached, Refused."""
        jobs = self._cluster.jobs(selector(labels_of(self._installation())))
        states = [state for state in map(self._state, jobs) if state.running and not state.stopping]
        running = sum(not self._ends(state.session_id) for state in states)
        if running >= self._at_most:
            told = f"{running} workers run in the cluster, which is as many as may."
            raise LimitReached(told, code="workers_full")

    def _ends(self, session_id: str) -> bool:
        """True for one that said so: it is no hindrance to the next."""
        follower = self._followers.get(session_id)
        return follower is not None and follower.ending

    def _state(self, job: JsonObject) -> WorkerState:
        """A worker that another process hears is silent since its mark last changed, by our own watch."""
        metadata = branch(job, "metadata")
        session_id = str(branch(metadata, "labels").get(SESSION, ""))
        finished = any(
            condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True"
            for condition in objects(branch(job, "status").get("conditions"))
        )
        now, mark = time.monotonic(), str(branch(metadata, "annotations").get(HEARD, ""))
        follower = self._followers.get(session_id)
        if follower is not None:
            since = follower.beaten_at
        else:
            seen = self._marks.get(session_id)
            since = seen[1] if seen and seen[0] == mark else now
            self._marks[session_id] = (mark, since)
        stopping = "deletionTimestamp" in metadata
        return WorkerState(session_id, not finished, None, now - since, stopping)

    def _forget(self, session_id: str) -> None:
        with self._door:
            self._followers.pop(session_id, None)
