"""A browser tab without a browser: Streamlit's websocket, spoken in its own protobuf messages.

The server's side: `streamlit/web/server/starlette/starlette_websocket.py`; the messages: `streamlit/proto`; the
frames: RFC 6455.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

BINARY, CLOSE, PING, PONG = 2, 8, 9, 10


class Wire:
    """The frames, on one plain blocking socket without threads, so that a time taken is the server's."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self.socket.sendall(
            f"GET /_stcore/stream HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: Z3JlZW5yb29tIHRlc3QgIQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: streamlit\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(f"the websocket was refused: {head.decode(errors='replace')}")
        self._buffer = bytearray(rest)

    def _fill(self) -> None:
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the websocket")
        self._buffer += data

    def send(self, payload: bytes, opcode: int = BINARY) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
        # A client must mask; a mask of zeros leaves the bytes as they are.
        self.socket.sendall(head + bytes(4) + payload)

    def read(self) -> list[bytes]:
        """The payloads that came with one read of the socket, none if only a part of one did. Answers pings."""
        self._fill()
        found = []
        while (frame := self._cut()) is not None:
            opcode, payload = frame
            if opcode == PING:
                self.send(payload, PONG)
            elif opcode == CLOSE:
                raise ConnectionError("the server closed the websocket")
            elif opcode == BINARY:
                found.append(payload)
        return found

    def _cut(self) -> tuple[int, bytes] | None:
        data = self._buffer
        if len(data) < 2:
            return None
        size, start = data[1] & 0x7F, 2
        if size == 126:
            start = 4
            size = int.from_bytes(data[2:4]) if len(data) >= start else 0
        elif size == 127:
            start = 10
            size = int.from_bytes(data[2:10]) if len(data) >= start else 0
        if len(data) < start or len(data) < start + size:
            return None
        opcode, payload = data[0] & 0x0F, bytes(data[start : start + size])
        del data[: start + size]
        return opcode, payload

    def close(self) -> None:
        with suppress(OSError):
            self.send(struct.pack("!H", 1000), CLOSE)
        self.socket.close()


class Tab:
    """One session. `url` is the server's, such as http://127.0.0.1:8501.

    `received` keeps every byte that came as payload since the tab was opened, for whoever looks for what must not be
    in it; `messages` are those of the last run.
    """

    def __init__(self, url: str, *, keep: bool = True, timeout_s: float = 20.0) -> None:
        self.wire = Wire(url, timeout_s)
        self._keep, self._url = keep, url
        self._cached: dict[str, ForwardMsg] = {}
        self.received: list[bytes] = []
        self.messages: list[ForwardMsg] = []
        self.page_hash = ""

    def take(self, payload: bytes) -> ForwardMsg:
        """The message in a payload; what the server only refers to, because it was sent before, is put in place."""
        if self._keep:
            self.received.append(payload)
        message: ForwardMsg = ForwardMsg.FromString(payload)
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

    def question(self, *, page: str = "", query: str = "", back: BackMsg | None = None) -> bytes:
        """The payload that asks for a run. `page` is the url path of another page; "" stays on the one it is on."""
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
        return bytes(message.SerializeToString())

    def run(self, *, page: str = "", query: str = "", back: BackMsg | None = None) -> list[ForwardMsg]:
        """One run of the script from asking to its last message, and the messages it sent."""
        self.wire.send(self.question(page=page, query=query, back=back))
        self.messages = []
        while True:
            new = [self.take(payload) for payload in self.wire.read()]
            self.messages += new
            if any(map(finished, new)):
                return self.messages

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
        self.wire.close()

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def finished(message: ForwardMsg) -> bool:
    """True for the last message of a run, unless the script only gave way to another run (`st.rerun`)."""
    return message.HasField("script_finished") and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
