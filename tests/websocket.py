"""A browser tab without a browser: Streamlit's websocket, spoken in its own protobuf messages.

The wire: `streamlit/web/server/starlette/starlette_websocket.py`; the messages: `streamlit/proto`.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri


class Tab:
    """One session. `url` is the server's, such as http://127.0.0.1:8501.

    A plain blocking socket without threads, so that timings are the server's. `received` keeps every byte that came
    as payload since the tab was opened, for whoever looks for what must not be in it.
    """

    def __init__(self, url: str, *, keep: bool = True, timeout_s: float = 20.0) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        uri = parse_uri(f"ws://{parts.netloc}/_stcore/stream")
        self._wire = ClientProtocol(uri, subprotocols=[Subprotocol("streamlit")], max_size=None)
        self._keep, self._url = keep, url
        self._cached: dict[str, ForwardMsg] = {}
        self.received: list[bytes] = []
        self.messages: list[ForwardMsg] = []
        self.page_hash = ""
        self._wire.send_request(self._wire.connect())
        self._flush()
        answer = next(self._events())
        if not isinstance(answer, Response) or answer.status_code != 101:
            raise ConnectionError(f"the websocket was refused: {answer}")

    # The wire

    def fileno(self) -> int:
        return self._socket.fileno()

    def _flush(self) -> None:
        for data in self._wire.data_to_send():
            if data:
                self._socket.sendall(data)

    def _events(self) -> Iterator[Any]:
        while True:
            yield from self._wire.events_received()
            data = self._socket.recv(1 << 18)
            if not data:
                raise ConnectionError("the server closed the websocket")
            self._wire.receive_data(data)
            self._flush()

    def ready(self) -> list[ForwardMsg]:
        """What has come, without waiting for more than one read; for use with a selector."""
        data = self._socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the websocket")
        self._wire.receive_data(data)
        self._flush()
        return [self._message(event) for event in self._wire.events_received() if self._whole(event)]

    @staticmethod
    def _whole(event: object) -> TypeGuard[Frame]:
        return isinstance(event, Frame) and event.opcode is Opcode.BINARY

    def _message(self, frame: Frame) -> ForwardMsg:
        if self._keep:
            self.received.append(bytes(frame.data))
        message: ForwardMsg = ForwardMsg.FromString(frame.data)
        if message.HasField("ref_hash"):
            metadata = message.metadata
            message = ForwardMsg.FromString(self._cached[message.ref_hash].SerializeToString())
            message.metadata.CopyFrom(metadata)
        elif message.metadata.cacheable:
            self._cached[message.hash] = message
        if message.HasField("new_session"):
            self.page_hash = message.new_session.page_script_hash
        elif message.HasField("navigation"):
            self.page_hash = message.navigation.page_script_hash
        return message

    # Running the page

    def ask(self, *, page: str = "", query: str = "", back: BackMsg | None = None) -> None:
        """Ask for a run. `page` is the url path of another page; "" stays on the one it is on."""
        message = back or BackMsg()
        state = message.rerun_script
        state.query_string = query
        if page:
            state.page_name = page
        else:
            state.page_script_hash = self.page_hash
        state.cached_message_hashes.extend(self._cached)
        state.context_info.url = f"{self._url}/{page}"
        state.context_info.timezone = "UTC"
        state.context_info.locale = "en-GB"
        self._wire.send_binary(message.SerializeToString())
        self._flush()

    def run(self, *, page: str = "", query: str = "", back: BackMsg | None = None) -> list[ForwardMsg]:
        """One run of the script from asking to its last message, and the messages it sent."""
        self.ask(page=page, query=query, back=back)
        self.messages = []
        for event in self._events():
            if self._whole(event):
                self.messages.append(self._message(event))
                if finished(self.messages[-1]):
                    return self.messages
        raise AssertionError("unreachable")

    def time_run(self, **how: Any) -> float:
        """Milliseconds that one run took."""
        begun = time.perf_counter()
        self.run(**how)
        return (time.perf_counter() - begun) * 1000

    def click(self, key: str) -> list[ForwardMsg]:
        """Click the button with this `key=`. Raises KeyError if the last run drew none."""
        back = BackMsg()
        widget = back.rerun_script.widget_states.widgets.add()
        widget.id, widget.trigger_value = self.widget_id(key), True
        return self.run(back=back)

    def widget_id(self, key: str) -> str:
        """The id under which a widget with this `key=` was drawn. Raises KeyError."""
        for element in self.elements():
            drawn = getattr(getattr(element, element.WhichOneof("type")), "id", "")
            if drawn.endswith(f"-{key}"):
                return str(drawn)
        raise KeyError(key)

    def elements(self) -> Iterator[Any]:
        """Every element that the last run drew, as its protobuf."""
        for message in self.messages:
            if message.HasField("delta") and message.delta.HasField("new_element"):
                yield message.delta.new_element

    def close(self) -> None:
        self._wire.send_close()
        self._flush()
        self._socket.close()

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def finished(message: ForwardMsg) -> bool:
    """True for the last message of a run, unless the script only gave way to another run (`st.rerun`)."""
    return message.HasField("script_finished") and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
