"""What a cluster's refusals mean, in words that need nobody who runs it, and what to ask of whoever does."""

from __future__ import annotations

from dataclasses import dataclass

from lib.errors import SettingsWrong
from lib.models import JsonObject, branch, objects
from lib.services.modes.workers.kubernetes.api import ClusterRefused

GUIDE = "docs/platforms.md, Past one machine"
NOTHING = "Nothing was started, so nothing is billed. Text chat works."
IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
NEVER_STARTED = ("StartError", "ContainerCannotRun", "CreateContainerError", "RunContainerError")
ENDS = {
    "OOMKilled": "it used more memory than it may, WORKER_MEMORY_MB",
    "DeadlineExceeded": "it reached its time limit",
    "Evicted": "the cluster took its place away",
}


@dataclass(frozen=True)
class PodFailure:
    """Why a worker does not run. `final`: waiting does not help."""

    code: str
    told: str
    hint: str
    final: bool = True

    def error(self) -> SettingsWrong:
        return SettingsWrong(self.told, code=self.code, hint=self.hint, besides=NOTHING)


NOT_PLACED = PodFailure(
    "not_placed", "The cluster did not start the worker in time.", "Ask whoever runs it, and try again."
)


def of_answer(refused: ClusterRefused, namespace: str) -> PodFailure:
    """A request that the API did not carry out."""
    status, said = refused.status, _said(refused.message)
    if status is None:
        hint = "Check KUBECONFIG and KUBERNETES_CONTEXT, and whether this machine may reach the cluster."
        return PodFailure("cluster_unreachable", "The Kubernetes cluster can't be reached.", hint)
    if status == 401:
        told = "The cluster does not accept Greenroom's credentials (401)."
        return PodFailure("cluster_credentials", told, "Renew the token of its service account, or the kubeconfig.")
    if status == 403:
        return _quota(said) or PodFailure(
            "cluster_rights",
            f"Greenroom may not do this in the namespace {namespace} (403){said}",
            f"Give its service account the Role of {GUIDE}.",
        )
    if status == 404:
        told = f"The cluster has no namespace {namespace} (404)."
        return PodFailure("cluster_namespace", told, "Make it, or correct KUBERNETES_NAMESPACE.")
    if status == 429 or status >= 500:
        told = f"The Kubernetes API is not well ({status}){said}"
        return PodFailure("cluster_unwell", told, "Try again in a moment.", final=False)
    return PodFailure("cluster_refused", f"The cluster refused the worker ({status}){said}", "Ask whoever runs it.")


def of_complaint(message: str) -> PodFailure | None:
    """Why no pod is made for a Job; None if nothing was said of it."""
    said = _said(message)
    hint = f"Ask whoever runs the cluster which rule this is. What a worker asks for: {GUIDE}."
    return (_quota(said) or PodFailure("cluster_refused", f"The cluster makes no pod{said}", hint)) if message else None


def of_pod(pod: JsonObject, image: str, own_secret: str) -> PodFailure | None:
    """What keeps a pod from starting; None if nothing is seen of it."""
    for condition in objects(branch(pod, "status").get("conditions")):
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            told = f"No machine of the cluster has room for the worker{_said(condition.get('message'))}"
            hint = "End other calls, or ask for more machines. Room that comes within a minute is used."
            return PodFailure("unschedulable", told, hint, final=False)
    state = branch(_container(pod), "state")
    waiting = branch(state, "waiting") or branch(state, "terminated")
    reason, said = waiting.get("reason"), _said(waiting.get("message"))
    if reason in IMAGE:
        told = f"The cluster can't get the worker's image {image}{said}"
        hint = "Check WORKER_IMAGE, and that the cluster may pull it (imagePullSecrets of the service account)."
        # The first failure is tried again by the cluster itself.
        return PodFailure("image_pull", told, hint, final=reason != "ErrImagePull")
    if reason == "CreateContainerConfigError":
        # Its own Secret is made a moment after it.
        final = f'secret "{own_secret}" not found' not in str(waiting.get("message"))
        told, hint = f"The worker's settings are not all there{said}", f"Put what is missing into the Secret: {GUIDE}."
        return PodFailure("worker_secret", told, hint, final=final)
    if reason in NEVER_STARTED:
        told = f"The worker's image can't be started{said}"
        return PodFailure("image_start", told, f"Build it as in {GUIDE}.")
    return None


def started(pod: JsonObject) -> bool:
    """True if its process ran, be it for a moment."""
    found = _container(pod)
    state = branch(found, "state")
    if terminated := branch(state, "terminated"):
        return terminated.get("reason") not in NEVER_STARTED
    return bool(state.get("running") or branch(found, "lastState").get("terminated"))


@dataclass(frozen=True)
class PodEnd:
    """How a worker ended; `why` is "" where its exit code says it all."""

    code: int | None
    why: str = ""


def end_of(pod: JsonObject) -> PodEnd | None:
    """None while it runs."""
    status = branch(pod, "status")
    whole = str(status.get("reason") or "")
    if terminated := branch(_container(pod), "state", "terminated"):
        code, reason = terminated.get("exitCode"), str(terminated.get("reason") or "")
        return PodEnd(code if isinstance(code, int) else None, ENDS.get(whole or reason, ENDS.get(reason, "")))
    if status.get("phase") in ("Failed", "Succeeded"):
        return PodEnd(None, ENDS.get(whole, "the cluster ended it"))
    return None


def end_of_job(job: JsonObject | None) -> PodEnd:
    """How a worker ended, told by its job, where its pod is gone."""
    for condition in objects(branch(job or {}, "status").get("conditions")):
        reason = str(condition.get("reason"))
        if condition.get("type") == "Failed" and reason in ENDS:
            return PodEnd(None, ENDS[reason])
    return PodEnd(None, "the cluster removed it")


def _quota(said: str) -> PodFailure | None:
    if "exceeded quota" not in said:
        return None
    hint = "End other calls, or ask whoever runs the cluster for a larger quota."
    return PodFailure("cluster_quota", f"The namespace has used up its quota{said}", hint)


def _container(pod: JsonObject) -> JsonObject:
    return next(iter(objects(branch(pod, "status").get("containerStatuses"))), {})


def _said(message: object) -> str:
    """The cluster's own words behind a colon, with the full stop that ends the sentence."""
    plain = " ".join(str(message or "").split())[:300].rstrip(".")
    return f": {plain}." if plain else "."
