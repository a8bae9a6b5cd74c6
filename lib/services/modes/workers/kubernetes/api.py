"""The few requests to a Kubernetes API that workers need, by the official client, which is imported at the first.

Answers are plain objects with the names of the wire. Nothing is repeated here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from lib.clients.connections import POOLS, ExchangeDeadline, ending_at
from lib.errors import SettingsWrong
from lib.models import JsonObject, branch
from lib.services.modes.workers.kubernetes.job import CONTAINER, HEARD

WITHIN_S = (3.0, 10.0)
INSTALL = "pip install -r requirements-kubernetes.txt"


class ClusterRefused(Exception):
    """The API did not do it: `status` and the message that it gave, or no status where no answer came.

    `sent`: False if no byte of the request reached it.
    """

    def __init__(self, status: int | None, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.sent = sent

    @property
    def unclear(self) -> bool:
        """It may have been done all the same."""
        return self.sent and (self.status is None or self.status >= 500)


class _Apis(NamedTuple):
    """The two APIs of the official client, which has no types, and what makes a plain object of an answer."""

    batch: Any
    core: Any
    plain: Callable[[object], JsonObject]


class Cluster:
    """One namespace. `kubeconfig` is a file, "" for the pod that this runs in, else ~/.kube/config. Thread-safe.

    Every method may raise Refused, and SettingsWrong where the client or its configuration is not there.
    """

    def __init__(self, namespace: str, *, kubeconfig: str = "", context: str = "") -> None:
        self.namespace = namespace
        self._kubeconfig = kubeconfig
        self._context = context
        self._lock = threading.Lock()
        self._made: _Apis | None = None

    def create_job(self, manifest: JsonObject) -> str:
        """Its uid. Refused with 409 if there is one of that name."""
        with self._asking() as (batch, _, _plain):
            made = batch.create_namespaced_job(
                self.namespace, dict(manifest), field_validation="Strict", _request_timeout=WITHIN_S
            )
            return str(made.metadata.uid)

    def create_secret(self, manifest: JsonObject) -> None:
        with self._asking() as (_, core, _plain):
            core.create_namespaced_secret(
                self.namespace, dict(manifest), field_validation="Strict", _request_timeout=WITHIN_S
            )

    def jobs(self, selector: str) -> list[JsonObject]:
        with self._asking() as (batch, _, plain):
            found = batch.list_namespaced_job(self.namespace, label_selector=selector, _request_timeout=WITHIN_S)
            return [plain(one) for one in found.items]

    def job(self, name: str) -> JsonObject | None:
        """None if there is none."""
        with self._asking() as (batch, _, plain), _or_none():
            return plain(batch.read_namespaced_job(name, self.namespace, _request_timeout=WITHIN_S))
        return None

    def mark(self, job: str, value: str) -> None:
        """Write that somebody hears this worker."""
        with self._asking() as (batch, _, _plain), _or_none():
            body = {"metadata": {"annotations": {HEARD: value}}}
            batch.patch_namespaced_job(job, self.namespace, body, _request_timeout=WITHIN_S)

    def delete_job(self, name: str) -> None:
        """Tell its pod to end. The Job stays until the pod is over, and keeps its name taken so long."""
        with self._asking() as (batch, _, _plain), _or_none():
            batch.delete_namespaced_job(
                name, self.namespace, propagation_policy="Foreground", _request_timeout=WITHIN_S
            )

    def pod(self, selector: str) -> JsonObject | None:
        """The newest of them; None if there is none."""
        with self._asking() as (_, core, plain):
            found = core.list_namespaced_pod(self.namespace, label_selector=selector, _request_timeout=WITHIN_S)
            pods = [plain(one) for one in found.items]
        return max(pods, key=lambda pod: str(branch(pod, "metadata").get("creationTimestamp", "")), default=None)

    def complaint(self, job: str) -> str:
        """Why the cluster makes no pod for this Job, in its own words; "" if it does not say."""
        wanted = f"involvedObject.kind=Job,involvedObject.name={job},reason=FailedCreate"
        with self._asking() as (_, core, plain):
            found = core.list_namespaced_event(self.namespace, field_selector=wanted, _request_timeout=WITHIN_S)
            return next((str(plain(one).get("message", "")) for one in found.items), "")

    def lines(self, pod: str, *, within_s: float) -> Iterator[str]:
        """What it wrote, from the beginning, and goes on to write. Refused where no line came for `within_s`."""
        deadline = ExchangeDeadline(WITHIN_S[1])
        with self._asking(deadline) as (_, core, _plain):
            answer = core.read_namespaced_pod_log(
                pod, self.namespace, container=CONTAINER, follow=True, _preload_content=False,
                _request_timeout=(WITHIN_S[0], within_s),
            )  # fmt: skip
        with _refusing():
            try:
                rest = b""
                deadline.renew(within_s)
                for chunk in answer.stream(decode_content=False):
                    *whole, rest = (rest + chunk).split(b"\n")
                    if whole:
                        deadline.renew(within_s)
                    for line in whole:
                        yield line.decode(errors="replace")
            finally:
                answer.close()

    @contextmanager
    def _asking(self, deadline: ExchangeDeadline | None = None) -> Iterator[_Apis]:
        """The two APIs, and what makes a plain object of an answer. All that is asked inside has this deadline."""
        made = self._apis()
        with _refusing(), ending_at(deadline or ExchangeDeadline(WITHIN_S[1])):
            yield made

    def _apis(self) -> _Apis:
        with self._lock:
            if self._made is None:
                self._made = self._connect()
            return self._made

    def _connect(self) -> _Apis:
        try:
            from kubernetes import client, config
        except ImportError:
            told = "Workers of a cluster need the Python package kubernetes, which is not installed."
            raise SettingsWrong(told, code="kubernetes_missing", hint=f"{INSTALL}, then restart Greenroom.") from None
        made = client.Configuration()
        try:
            self._configure(config, made)
        except (config.ConfigException, OSError, ValueError) as error:
            told = f"How to reach the Kubernetes cluster is not known: {str(error)[:200].rstrip('.')}."
            hint = "Point KUBECONFIG at a kubeconfig and KUBERNETES_CONTEXT at a context in it, and restart Greenroom."
            raise SettingsWrong(told, code="kubeconfig", hint=hint) from None
        made.retries = False
        api = client.ApiClient(made)
        api.rest_client.pool_manager.pool_classes_by_scheme = POOLS
        return _Apis(client.BatchV1Api(api), client.CoreV1Api(api), api.sanitize_for_serialization)

    def _configure(self, config: ModuleType, made: object) -> None:
        if not self._kubeconfig and not self._context:
            try:
                config.load_incluster_config(client_configuration=made)
                return
            except config.ConfigException:
                pass
        chosen = {"context": self._context or None, "client_configuration": made, "persist_config": False}
        config.load_kube_config(config_file=self._kubeconfig or None, **chosen)


@contextmanager
def _refusing() -> Iterator[None]:
    """Every failure of the official client becomes Refused."""
    from kubernetes.client.exceptions import ApiException
    from urllib3 import exceptions

    try:
        yield
    except ApiException as error:
        # No status: the secure connection did not come about.
        told = _message(error.body, error.reason)
        raise ClusterRefused(error.status or None, told, sent=bool(error.status)) from None
    except (exceptions.NewConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyError) as error:
        raise ClusterRefused(None, type(error).__name__, sent=False) from None
    except exceptions.HTTPError as error:
        raise ClusterRefused(None, type(error).__name__) from None


@contextmanager
def _or_none() -> Iterator[None]:
    """What is not there is no failure."""
    from kubernetes.client.exceptions import NotFoundException

    try:
        yield
    except NotFoundException:
        return


def _message(body: str | bytes | None, reason: str | None) -> str:
    """What the API says of it, without the rest of its answer."""
    try:
        told = json.loads(body or "").get("message")
    except (TypeError, ValueError, AttributeError):
        told = None
    return " ".join(str(told or reason or "no reason given").split())[:400]
