"""A gateway of ours for the browser tests: what the bank's text messages, app and messenger are handed to."""

from __future__ import annotations

import base64
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Any

from standardwebhooks import Webhook

from tests.browser.served import free_port

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()
WAITS_SECONDS = 30


class Gateway:
    """Believes what is signed, and hands on what came."""

    def __init__(self) -> None:
        self.port = free_port()
        self.came: Queue[dict[str, Any]] = Queue()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                gateway.came.put(Webhook(SECRET).verify(body, headers)["data"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing on the console."""

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self, channel: str, template: str = "") -> dict[str, Any]:
        """The next message that comes on a channel, of a template if given."""
        while True:
            data = self.came.get(timeout=WAITS_SECONDS)
            if data["channel"] == channel and template in {"", data["template"]}:
                return data

    def rest(self) -> list[dict[str, Any]]:
        """What else has come by now."""
        found = []
        while True:
            try:
                found.append(self.came.get_nowait())
            except Empty:
                return found

    def settings(self, *channels: str) -> str:
        """The sections of an installation whose messages come here."""
        url = f"http://127.0.0.1:{self.port}/"
        return "".join(f'[{channel}]\nurl = "{url}"\nsecret = "{SECRET}"\n' for channel in channels)

    def stop(self) -> None:
        """Listen no more."""
        self.server.shutdown()
        self.server.server_close()
