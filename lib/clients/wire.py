"""The one connection layer: sends a request as it is given, and says what happened to it in few plain words.

What happened before the first byte left is told apart from what happened after it, because only the first is certain
to have done nothing at the other side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import urllib3
from pydantic import SecretStr
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from lib.clients import unreached
from lib.clients.connections import POOLS, ExchangeDeadline, Unreached, ending_at
from lib.clients.unreached import Reason

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes, unpacked. A page of 100 personas with long prompts has 2 or 3 MB."""


@dataclass(frozen=True)
class WireAnswer:
    """What came back. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotConnected(Exception):
    """No byte of the request left. The text says why, in words that fit after a colon."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.told)
        self.reason = reason


class NoAnswer(Exception):
    """The request left, and no whole answer came within the time or size allowed.

    `told` makes the sentence of it, from the other side's name.
    """

    def __init__(self, told: Callable[[str], str], *, lost: bool) -> None:
        super().__init__(told("The other side"))
        self.told = told
        self.lost = lost


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager


class KeyHeader(AuthBase):
    """Puts the key on one request. As the session's `auth` it also keeps requests from looking into a .netrc."""

    def __init__(self, header: str, key: SecretStr, scheme: str = "") -> None:
        self._header = header
        self._key = key
        self._scheme = scheme

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._header] = f"{self._scheme} {self._key.get_secret_value()}".lstrip()
        return request


class Wire:
    """Sends single requests: no retry, no redirect, no cookie, no .netrc, a limit on time and on size.

    `timeouts` are seconds: to connect to one address, and for the whole exchange from the look-up of the name to the
    last byte of the answer. Once a byte has left, a deadline that passes is a NoAnswer, before that a NotConnected.

    Proxies and CA bundles of the environment count (company networks need them), except towards this machine itself.
    """

    def __init__(self, auth: KeyHeader, timeouts: tuple[float, float]) -> None:
        self._auth = auth
        self._timeouts = timeouts
        self._kept = self._session()

    def close(self) -> None:
        self._kept.close()

    def send(self, request: requests.Request, *, loopback: bool, own_connection: bool) -> WireAnswer:
        """Send it once. `own_connection` uses no kept connection, which may be closing while the request leaves.

        Raises ValueError (can't be sent as it is: a bad address or header), NotConnected, NoAnswer.
        """
        session = self._session() if own_connection else self._kept
        try:
            return self._exchange(session, request, loopback)
        finally:
            if own_connection:
                session.close()

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.auth = self._auth
        session.headers["User-Agent"] = "Greenroom"
        session.headers["Accept"] = "application/json"
        adapter = _Adapter(pool_connections=4, pool_maxsize=64, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def _exchange(self, session: requests.Session, request: requests.Request, loopback: bool) -> WireAnswer:
        prepared = session.prepare_request(request)
        assert prepared.url is not None
        settings = self._surroundings(session, prepared.url, loopback)
        deadline = ExchangeDeadline(self._timeouts[1])
        try:
            answer = self._answered(session, prepared, settings, deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = self._failure(error, deadline)
        else:
            try:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return WireAnswer(answer.status_code, headers, self._body(answer))
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, NoAnswer) as error:
                failure = error if isinstance(error, NoAnswer) else self._failure(error, deadline)
            finally:
                answer.close()
        # Raised out here, so that it has no context: requests' errors hold the request, with the key in its headers.
        raise failure

    def _answered(
        self,
        session: requests.Session,
        prepared: requests.PreparedRequest,
        settings: Mapping[str, Any],
        deadline: ExchangeDeadline,
    ) -> requests.Response:
        """The answer with its headers, its body still to be read, under the same deadline."""
        assert prepared.url is not None
        with ending_at(deadline):
            # Not session.send: it keeps cookies, and reads the body of a redirect without limit.
            return session.get_adapter(prepared.url).send(prepared, timeout=self._timeouts, **settings)

    @staticmethod
    def _surroundings(session: requests.Session, url: str, loopback: bool) -> dict[str, Any]:
        """Proxies and certificates of the environment, as `send` of an adapter takes them. Raises NotConnected."""
        found: dict[str, Any] = {"proxies": {}, "verify": True, "cert": None}
        if not loopback:
            found.update(session.merge_environment_settings(url, {}, True, None, None))
        if isinstance(found["verify"], str) and not Path(found["verify"]).exists():
            # requests says so with an OSError, which looks like a connection that was lost.
            raise NotConnected(unreached.NO_CA_FILE)
        return {**found, "stream": True}

    def _body(self, answer: requests.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := answer.raw.read1(65536, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > BODY_LIMIT:
                raise NoAnswer(too_large, lost=False)
        return b"".join(parts)

    def _too_slow(self, who: str) -> str:
        return f"{who} did not answer within {self._timeouts[1]:g} s."

    def _failure(self, error: Exception, deadline: ExchangeDeadline) -> NotConnected | NoAnswer:
        reason = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(reason, Unreached):
            return NotConnected(reason.why)
        if isinstance(error, requests.exceptions.ProxyError):
            return NotConnected(unreached.PROXY)
        late = isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError)
        if late or deadline.passed:
            return NoAnswer(self._too_slow, lost=False)
        return NoAnswer(_broken_off, lost=True)


def too_large(who: str) -> str:
    return f"{who}'s answer is larger than {BODY_LIMIT // (1024 * 1024)} MB."


def _broken_off(who: str) -> str:
    return f"The connection to {who} was lost before its answer was complete."
