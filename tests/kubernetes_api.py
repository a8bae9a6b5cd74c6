"""A cluster of one machine: an API over HTTP that keeps Jobs, Pods and Secrets, and runs a container as a process.

It does what Kubernetes does as far as Greenroom's launcher can see it: refuses unknown fields, resolves variables and
Secrets, keeps rights, follows logs, deletes in the foreground with SIGTERM and a grace. Images are folders.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from kubernetes import client
from kubernetes.config import incluster_config

NAMESPACE, TOKEN = "greenroom", "cluster_CANARY_token"
KINDS: Mapping[str, Any] = {"Job": client.V1Job, "Secret": client.V1Secret}
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def kept_by_the_official_client(manifest: Mapping[str, Any]) -> Any:
    """What is left of a manifest after the official client's models have read it: unknown fields are not."""
    model = KINDS[manifest["kind"]].from_dict(dict(manifest))
    official: Any = client.ApiClient()
    return official.sanitize_for_serialization(model)


@dataclass
class Refusal(Exception):
    status: int
    message: str


@dataclass
class Pod:
    """A pod and its process. `log` is what it wrote until now."""

    manifest: dict[str, Any]
    log: list[bytes] = field(default_factory=list)
    over: bool = False
    process: subprocess.Popen[bytes] | None = None

    def container(self, state: Mapping[str, Any]) -> None:
        self.manifest["status"]["containerStatuses"] = [{
            "name": "worker", "image": "i", "imageID": "", "ready": "running" in state, "restartCount": 0,
            "state": dict(state),
        }]  # fmt: skip


class FakeCluster:
    """`images` are folders with a `lib.bot`, by their names. `refuse` and the other switches make it misbehave.

    `no_room` and `no_pods` are what it says instead of running a pod, `retry_s` is how long it waits before it looks
    for a missing Secret again, `starts_late` is an image that starts just when its pod is deleted, `python` is that of
    all images.
    """

    def __init__(self, images: Mapping[str, Path], secrets: Mapping[str, Mapping[str, str]], rights: Rights) -> None:
        self.images = dict(images)
        self.secrets: dict[str, dict[str, str]] = {name: dict(values) for name, values in secrets.items()}
        self.rights = rights
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, Pod] = {}
        self.events: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.posted: list[dict[str, Any]] = []
        self.no_room = ""
        self.no_pods = ""
        self.retry_s = 0.05
        self.starts_late = ""
        self.python = sys.executable
        self.changed = threading.Condition()
        self._refusals: list[tuple[str, int, str]] = []
        self._silences: list[str] = []
        self._streams: set[Any] = set()
        self._threads: list[threading.Thread] = []
        self._gone: set[str] = set()
        self._deadlines_at: dict[str, float] = {}
        cluster = self

        class Handler(_Handler):
            fake = cluster

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._serving = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._serving.start()

    # what a test may do to it

    def refuse(self, request: str, status: int, message: str = "") -> None:
        """Answer every request such as `create jobs` with this, instead of doing it."""
        self._refusals.append((request, status, message))

    def allow_all(self) -> None:
        self._refusals.clear()

    def say_nothing(self, request: str) -> None:
        """Do what is asked, once, and hang up instead of answering."""
        self._silences.append(request)

    def cut_logs(self) -> None:
        """Break every connection that follows a log."""
        for stream in list(self._streams):
            with contextlib.suppress(OSError):
                stream.shutdown(2)

    def kubeconfig(self, folder: Path, *, token: str = TOKEN, url: str = "") -> Path:
        path = folder / "kubeconfig"
        path.write_text(
            json.dumps({
                "apiVersion": "v1", "kind": "Config", "current-context": "wrong",
                "clusters": [{"name": "c", "cluster": {"server": url or self.url}}],
                "users": [{"name": "u", "user": {"token": token}}],
                "contexts": [{"name": "right", "context": {"cluster": "c", "user": "u"}},
                             {"name": "wrong", "context": {"cluster": "none", "user": "u"}}],
            }),
            encoding="utf-8",
        )  # fmt: skip
        return path

    @contextmanager
    def inside(self, folder: Path) -> Iterator[pytest.MonkeyPatch]:
        """What a pod of this cluster finds: variables, a token and an authority. Only https is spoken from then on."""
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        authority.cert_pem.write_to_path(folder / "ca.crt")
        (folder / "token").write_text(TOKEN, encoding="utf-8")
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            patched.setenv("KUBERNETES_SERVICE_PORT", str(self._server.server_port))
            patched.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(folder / "token"))
            patched.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(folder / "ca.crt"))
            yield patched

    def running(self) -> list[int]:
        """Process ids of all containers that run."""
        return [pod.process.pid for pod in self.pods.values() if pod.process and pod.process.poll() is None]

    def close(self) -> None:
        for pod in list(self.pods.values()):
            if pod.process is not None and pod.process.poll() is None:
                pod.process.kill()
        with self.changed:
            self._gone.update(self.jobs)
            self.changed.notify_all()
        self.cut_logs()
        self._server.shutdown()
        self._server.server_close()
        for thread in [*self._threads, self._serving]:
            thread.join(10)

    # what the API does

    def answer(self, request: _Request, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        self._enter(request.verb, request.group, request.kind)
        if request.namespace != NAMESPACE and request.verb not in ("get", "list"):
            raise Refusal(404, f'namespaces "{request.namespace}" not found')
        with self.changed:
            return self._act(request.verb, request.kind, request.name, query, body)

    def silent(self, request: _Request) -> bool:
        """True once for each request that gets no answer."""
        asked = f"{request.verb} {request.kind}"
        if asked in self._silences:
            self._silences.remove(asked)
            return True
        return False

    def _enter(self, verb: str, group: str, kind: str) -> None:
        self.asked.append((verb, kind))
        for request, status, message in self._refusals:
            if request == f"{verb} {kind}":
                raise Refusal(status, message)
        if not self.rights.allow(verb, group, kind):
            told = f'{kind}.{group} is forbidden: User "system:serviceaccount:greenroom:greenroom" cannot {verb} it'
            raise Refusal(403, told)

    def _act(self, verb: str, kind: str, name: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        match verb, kind:
            case "create", "jobs":
                return 201, self._create_job(body, query)
            case "create", "secrets":
                return 201, self._create_secret(body, query)
            case "list", "jobs":
                return 200, self._listed("JobList", "batch/v1", self.jobs.values(), query)
            case "list", "pods":
                return 200, self._listed("PodList", "v1", [pod.manifest for pod in self.pods.values()], query)
            case "list", "events":
                wanted = dict(part.split("=") for part in query.get("fieldSelector", "").split(",") if part)
                events = [one for one in self.events if one["involvedObject"]["name"] == wanted["involvedObject.name"]]
                return 200, {"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": events}
        job = self.jobs.get(name)
        if kind != "jobs" or job is None:
            raise Refusal(404, f'{kind} "{name}" not found')
        if verb == "patch":
            job["metadata"]["annotations"] |= body["metadata"]["annotations"]
        if verb == "delete":
            policy = query.get("propagationPolicy") or (body or {}).get("propagationPolicy")
            assert policy == "Foreground", policy
            job["metadata"].setdefault("deletionTimestamp", now())
            self._gone.add(job["metadata"]["name"])
            self.changed.notify_all()
        return 200, job

    def _listed(self, kind: str, version: str, items: Iterable[Any], query: Mapping[str, str]) -> dict[str, Any]:
        wanted = dict(part.split("=") for part in query.get("labelSelector", "").split(",") if part)
        found = [one for one in items if wanted.items() <= one["metadata"]["labels"].items()]
        return {"kind": kind, "apiVersion": version, "metadata": {"resourceVersion": "1"}, "items": found}

    def _checked(self, body: dict[str, Any], query: Mapping[str, str]) -> None:
        self.posted.append(body)
        if query.get("fieldValidation") == "Strict" and kept_by_the_official_client(body) != body:
            raise Refusal(400, "strict decoding error: unknown field")
        metadata = body["metadata"]
        pods = body.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {})
        values = [*metadata["labels"].values(), *pods.values()]
        if not NAME.fullmatch(metadata["name"]) or not all(LABEL.fullmatch(value) for value in values):
            raise Refusal(422, f'{body["kind"]} "{metadata["name"]}" is invalid')
        metadata |= {"uid": str(uuid.uuid4()), "namespace": NAMESPACE, "creationTimestamp": now()}

    def _create_job(self, body: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
        name = body["metadata"]["name"]
        if name in self.jobs:
            raise Refusal(409, f'jobs.batch "{name}" already exists')
        self._checked(body, query)
        body["status"] = {}
        self.jobs[name] = body
        thread = threading.Thread(target=self._run, args=(name,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return body

    def _create_secret(self, body: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
        name = body["metadata"]["name"]
        if name in self.secrets:
            raise Refusal(409, f'secrets "{name}" already exists')
        self._checked(body, query)
        owner = body["metadata"]["ownerReferences"][0]
        given = body.pop("stringData")
        body["data"] = {key: base64.b64encode(value.encode()).decode() for key, value in given.items()}
        # What belongs to nothing that is there is collected at once.
        if self.jobs.get(owner["name"], {"metadata": {"uid": ""}})["metadata"]["uid"] == owner["uid"]:
            self.secrets[name] = given
        self.changed.notify_all()
        return body

    # what its machine does

    def _run(self, name: str) -> None:
        """Job controller, scheduler and kubelet for one Job."""
        job = self.jobs[name]
        spec = job["spec"]
        deadline = time.monotonic() + spec["activeDeadlineSeconds"]
        pod = Pod({"kind": "Pod", "apiVersion": "v1",
                   "metadata": {**spec["template"]["metadata"], "name": f"{name}-x7k2p", "namespace": NAMESPACE,
                                "creationTimestamp": now(), "uid": str(uuid.uuid4())},
                   "spec": spec["template"]["spec"], "status": {"phase": "Pending"}})  # fmt: skip
        if self.no_pods:
            self.events.append({
                "metadata": {"name": "e", "namespace": NAMESPACE}, "reason": "FailedCreate", "message": self.no_pods,
                "involvedObject": {"kind": "Job", "name": name},
            })  # fmt: skip
        else:
            self.pods[name] = pod
        why = self._begin(name, pod, deadline)
        if pod.process is not None:
            why = self._to_the_end(name, pod, deadline)
        with self.changed:
            pod.over = True
            if why == "deadline":
                self.pods.pop(name, None)
            if why != "deleted":
                good = pod.process is not None and pod.process.returncode == 0
                reason = {"reason": "DeadlineExceeded"} if why == "deadline" else {}
                condition = {"type": "Complete" if good else "Failed", "status": "True", **reason}
                job["status"] = {"conditions": [condition]}
            self.changed.notify_all()
            self.changed.wait_for(lambda: name in self._gone)
            # The pod's log is there until its last reader has gone on.
            self.pods.pop(name, None)
            self.secrets.pop(name, None)
            self.jobs.pop(name, None)
            self._gone.discard(name)

    def _begin(self, name: str, pod: Pod, deadline: float) -> str:
        """Start the process once nothing is in the way."""
        container = pod.manifest["spec"]["containers"][0]
        begun, again_at = time.monotonic(), 0.0
        while name not in self._gone and time.monotonic() < deadline:
            with self.changed:
                if time.monotonic() < again_at:
                    self.changed.wait(0.05)
                    continue
                env = self._env(container["env"])
                if self.no_pods:
                    pass
                elif self.no_room:
                    pod.manifest["status"]["conditions"] = [
                        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": self.no_room}
                    ]
                elif container["image"] not in self.images:
                    reason = "ErrImagePull" if time.monotonic() - begun < 0.7 else "ImagePullBackOff"
                    told = f'failed to pull image "{container["image"]}": not found'
                    pod.container({"waiting": {"reason": reason, "message": told}})
                elif isinstance(env, str):
                    pod.container({"waiting": {"reason": "CreateContainerConfigError", "message": env}})
                    again_at = time.monotonic() + self.retry_s
                else:
                    self._start(pod, container, env)
                    return ""
                self.changed.wait(0.05)
        if self.starts_late:
            env = self._env(container["env"])
            assert isinstance(env, dict)
            self._start(pod, {**container, "image": self.starts_late}, env)
            time.sleep(1)
            return ""
        return "deleted" if name in self._gone else "deadline"

    def _start(self, pod: Pod, container: Mapping[str, Any], env: dict[str, str]) -> None:
        assert container["command"][0] == "python"
        pod.process = subprocess.Popen(
            [self.python, *container["command"][1:]],
            cwd=self.images[container["image"]],
            env={"PATH": os.environ["PATH"], **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        pod.manifest["status"]["phase"] = "Running"
        pod.container({"running": {"startedAt": now()}})

    def _to_the_end(self, name: str, pod: Pod, deadline: float) -> str:
        process = pod.process
        assert process is not None and process.stdout is not None
        reader = threading.Thread(target=self._collect, args=(pod,), daemon=True)
        reader.start()
        while process.poll() is None and name not in self._gone and time.monotonic() < deadline:
            time.sleep(0.02)
        why = "" if process.poll() is not None else "deleted" if name in self._gone else "deadline"
        if why:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(pod.manifest["spec"]["terminationGracePeriodSeconds"])
            except subprocess.TimeoutExpired:
                process.kill()
        code = process.wait()
        reader.join(5)
        process.stdout.close()
        reason = "Completed" if code == 0 else "OOMKilled" if code == -signal.SIGKILL else "Error"
        with self.changed:
            pod.manifest["status"]["phase"] = "Succeeded" if code == 0 else "Failed"
            pod.container({"terminated": {"exitCode": code if code >= 0 else 128 - code, "reason": reason}})
        return why

    def _collect(self, pod: Pod) -> None:
        assert pod.process is not None and pod.process.stdout is not None
        for line in pod.process.stdout:
            with self.changed:
                pod.log.append(line)
                self.changed.notify_all()

    def _env(self, given: Iterable[Mapping[str, Any]]) -> dict[str, str] | str:
        """The variables, or what is missing for them. `$(NAME)` stands for what was defined before."""
        made: dict[str, str] = {}
        for one in given:
            if "value" in one:
                made[one["name"]] = _expanded(one["value"], made)
                continue
            wanted = one["valueFrom"]["secretKeyRef"]
            secret = self.secrets.get(wanted["name"], {} if wanted.get("optional") else None)
            if secret is None:
                return f'secret "{wanted["name"]}" not found'
            if wanted["key"] in secret:
                made[one["name"]] = secret[wanted["key"]]
            elif not wanted.get("optional"):
                return f"couldn't find key {wanted['key']} in Secret {NAMESPACE}/{wanted['name']}"
        return made

    def follow(self, pod_name: str) -> Iterator[bytes]:
        """The log's lines from the first on, until its process is over."""
        self._enter("get", "", "pods/log")
        pod = next((pod for pod in self.pods.values() if pod.manifest["metadata"]["name"] == pod_name), None)
        if pod is None:
            raise Refusal(404, f'pods "{pod_name}" not found')
        if pod.process is None:
            raise Refusal(400, "container is waiting to start")
        return self._lines(pod)

    def _lines(self, pod: Pod) -> Iterator[bytes]:
        sent = 0
        while True:
            with self.changed:
                if len(pod.log) == sent and not pod.over:
                    self.changed.wait(0.2)
                fresh, over = pod.log[sent:], pod.over
            yield from fresh
            sent += len(fresh)
            if over and not fresh:
                return


@dataclass(frozen=True)
class _Request:
    """What a request wants, in the words of a Role."""

    verb: str = ""
    group: str = ""
    namespace: str = ""
    kind: str = ""
    name: str = ""

    @classmethod
    def read(cls, method: str, path: str) -> _Request:
        found = re.fullmatch(r"/(?:api|apis/(\w+))/v1/namespaces/([\w-]+)/(\w+)(?:/([\w-]+))?", path)
        if not found:
            return cls()
        group, namespace, kind, name = (part or "" for part in found.groups())
        verb = {"POST": "create", "DELETE": "delete", "PATCH": "patch"}.get(method, "get" if name else "list")
        return cls(verb, group, namespace, kind, name)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeCluster

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        request = _Request.read(self.command, parts.path)
        try:
            scheme, _, token = self.headers.get("authorization", "").partition(" ")
            if (scheme.lower(), token) != ("bearer", TOKEN):
                raise Refusal(401, "Unauthorized")
            if log := re.fullmatch(r"/api/v1/namespaces/[\w-]+/pods/([\w-]+)/log", parts.path):
                self._stream(self.fake.follow(log[1]))
                return
            status, body = self.fake.answer(request, query, json.loads(raw) if raw else None)
        except Refusal as refusal:
            status, told = refusal.status, refusal.message
            body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": told}
        if self.fake.silent(request):
            self.close_connection = True
            return
        with self.fake.changed:
            sent = json.dumps(body).encode()
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

    do_GET = do_POST = do_DELETE = do_PATCH = _serve

    def _stream(self, lines: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.fake._streams.add(self.connection)
        with contextlib.suppress(OSError):
            for line in lines:
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        self.fake._streams.discard(self.connection)

    def log_message(self, *_: object) -> None:
        return


@dataclass(frozen=True)
class Rights:
    """The rules of a Role, as `kubectl apply` takes them."""

    rules: tuple[Mapping[str, list[str]], ...]

    def allow(self, verb: str, group: str, resource: str) -> bool:
        return any(
            group in rule["apiGroups"] and resource in rule["resources"] and verb in rule["verbs"]
            for rule in self.rules
        )


@contextmanager
def cluster(
    images: Mapping[str, Path], secrets: Mapping[str, Mapping[str, str]], rights: Rights
) -> Iterator[FakeCluster]:
    made = FakeCluster(images, secrets, rights)
    try:
        yield made
    finally:
        made.close()


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _expanded(value: str, known: Mapping[str, str]) -> str:
    """https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/"""

    def one(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else known.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", one, value)
