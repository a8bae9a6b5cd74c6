"""The Job of one worker, and the Secret with what only its call may know, as Kubernetes takes them.

The Job is made first and can't begin without its Secret, which is what really starts the worker. Both carry the name of
the session, so that the cluster itself refuses a second worker for it.
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lib.errors import SettingsWrong
from lib.services.modes.workers.launcher import ROOM_AFTER
from lib.worker import KEY_OF, PLAN, TAVUS_KEY, WorkerPlan

INSTALLATION, SESSION = "greenroom/installation", "greenroom/session"
HEARD = "greenroom/heard"
"""The annotation that whoever hears a worker renews."""

CONTAINER = "worker"
GRACE_S = 60
"""From SIGTERM to the end: a start that is under way has half a minute for its answer, and what it made is ended."""

KEPT_S = 300
"""How long a finished Job can be looked at."""

USER = 10_001
PLAN_LIMIT = 120_000
"""Bytes. Linux takes no variable beyond 128 KiB."""

OPTIONAL = ("CHAT_API_KEY",)


@dataclass(frozen=True)
class WorkerJob:
    """`installation` marks what is this database's, `secret` names the Secret with the keys of all calls."""

    plan: WorkerPlan
    installation: str
    image: str
    secret: str
    memory_mb: int

    @property
    def name(self) -> str:
        return job_name(self.installation, self.plan.session_id)

    @property
    def limit_s(self) -> int:
        """After so long the cluster ends it, whatever it does: the call's limit, and what a room lasts longer."""
        return self.plan.max_call_s + int(ROOM_AFTER.total_seconds())

    def job(self) -> dict[str, object]:
        """The manifest. It holds no secret. Raises SettingsWrong for a plan that is too long."""
        labels = labels_of(self.installation, self.plan.session_id)
        spec = {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": self.limit_s,
            "ttlSecondsAfterFinished": KEPT_S,
            "template": {
                # A node that is to be given back is kept until its calls are over.
                "metadata": {
                    "labels": labels,
                    "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
                },
                "spec": self._pod(),
            },
        }
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": self.name, "labels": labels, "annotations": {HEARD: "0"}},
            "spec": spec,
        }

    def own_secret(self, job_uid: str) -> dict[str, object]:
        """What opens this one call. It goes with its Job."""
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": self.name, "uid": job_uid}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.name,
                "labels": labels_of(self.installation, self.plan.session_id),
                "ownerReferences": [owner],
            },
            "type": "Opaque",
            "immutable": True,
            "stringData": self.plan.own_secrets,
        }

    def _pod(self) -> dict[str, object]:
        return {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": GRACE_S,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": CONTAINER,
                    "image": self.image,
                    "command": ["python", "-m", "lib.bot"],
                    "env": self._env(),
                    "resources": {
                        "requests": {"cpu": "500m", "memory": f"{min(512, self.memory_mb)}Mi"},
                        "limits": {"cpu": "2", "memory": f"{self.memory_mb}Mi"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}],
        }

    def _env(self) -> list[dict[str, object]]:
        plan = self.plan
        plain = plan.variables()
        if len(plain[PLAN]) > PLAN_LIMIT:
            told = "The persona's instructions, with the context of the call, are too long for a worker of the cluster."
            hint = (
                f"Together they may have about {PLAN_LIMIT:,} characters. Shorten them, or set WORKER_LAUNCHER=local."
            )
            raise SettingsWrong(told, code="plan_too_long", hint=hint)
        home = {"HOME": "/tmp", "NUMBA_CACHE_DIR": "/tmp", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}  # noqa: S108
        keys = [TAVUS_KEY, *(KEY_OF[one.kind] for one in (plan.stt, plan.llm, plan.tts) if one.kind in KEY_OF)]
        return [
            *(dict[str, object](name=name, value=value) for name, value in (home | plain).items()),
            *(_referred(name, self.secret, optional=name in OPTIONAL) for name in keys),
            *(_referred(name, self.name) for name in plan.own_secrets),
        ]


def job_name(installation: str, session_id: str) -> str:
    """Also what the conversation at Tavus is called, up to its first blank."""
    return f"{installation}-{session_id}"


def labels_of(installation: str, session_id: str = "") -> dict[str, str]:
    """What finds our own and no others; without a session, all of this installation."""
    labels = {
        "app.kubernetes.io/name": "greenroom-worker",
        "app.kubernetes.io/managed-by": "greenroom",
        INSTALLATION: installation,
    }
    return {**labels, SESSION: session_id} if session_id else labels


def selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in labels.items())


def _referred(name: str, secret: str, *, optional: bool = False) -> dict[str, object]:
    reference = {"name": secret, "key": name, **({"optional": True} if optional else {})}
    return {"name": name, "valueFrom": {"secretKeyRef": reference}}
