"""A photo of 3 MB, sent by the very lines of docs/portals.md over a line that is slow, stalls and breaks every minute.

All that the page asks of the product goes over that line. The photo needs 35 s of it, and begins 15 s before the line
stands still, so the first try never arrives. Then the line is gone for a moment, or the page would see nothing of the
break: a browser sends by itself, at once, what broke off on a connection that it had used before. The answer that the
message was written is lost as well.
"""

import contextlib
import io
import json
import socket
import threading
import time

import pytest
from PIL import Image

from tests.e2e.browsing import Customer, demo
from tests.e2e.portal import open_portal, portal
from tests.reliability.product import two_free_ports, wait_until
from tests.reliability.relay import Relay

PERSON = "customer3@tigris.demo"
RATE, PIECE = 16_000, 1_600  # bytes a second; how many at once
GOES, STANDS, GONE = 48.0, 10.0, 2.0  # seconds of a minute
FIRST = 15.0  # it goes so long once the photo begins
ONE_PHOTO = 600_000  # bytes, at most
LOSE_ITS_ANSWER = """() => {
  const plain = fetch;
  window.answers = 0;
  window.fetch = async (address, how) => {
    const answer = await plain(address, how);
    if (address.endsWith("/messages") && ++answers === 1) throw new TypeError("Failed to fetch");
    return answer;
  };
}"""
SEND = """() => sendPhoto(document.querySelector("#photo").files[0], asked.chat, "Look at this")"""


class Line:
    """What all of a phone's connections share, both ways."""

    def __init__(self):
        self.breaks, self.uploads, self.is_gone = 0, 0, False
        self._ways, self._free_at, self._turns = [], 0.0, threading.Lock()
        self._moves, self._is_over = threading.Event(), threading.Event()
        self._moves.set()

    def to(self, port):
        """The address at this end of what listens on that port."""
        self._ways.append(Way(self, port))
        return f"http://127.0.0.1:{self._ways[-1].port}"

    def begin_to_break(self):
        threading.Thread(target=self._stall_and_break, daemon=True).start()

    def close(self):
        self._is_over.set()

    def carry(self, piece):
        """Returns once it went over."""
        with self._turns:
            self._free_at = max(self._free_at, time.monotonic()) + len(piece) / RATE
            arrives_at = self._free_at
        time.sleep(max(0.0, arrives_at - time.monotonic()))
        self._moves.wait()

    def _stall_and_break(self):
        goes = FIRST
        while not self._is_over.wait(goes):
            self._moves.clear()
            self._is_over.wait(STANDS)
            self.breaks, self.is_gone = self.breaks + 1, True
            for way in self._ways:
                way.cut()
            self._moves.set()
            self._is_over.wait(GONE)
            self.is_gone, goes = False, GOES


class Way(Relay):
    """From the line to one port."""

    def __init__(self, line, port):
        self._line, self._end = line, ("127.0.0.1", port)
        super().__init__(self._reach)

    def _reach(self):
        if self._line.is_gone:
            raise ConnectionAbortedError
        return socket.create_connection(self._end)

    def _pass_on(self, source, target):
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                self._line.uploads += piece.startswith(b"PUT ")
                self._line.carry(piece)
                target.sendall(piece)
        self.drop(source, target)


def photo():
    """As a phone makes them: 12 million pixels in about 3 MB."""
    grain = Image.effect_noise((1_000, 750), 20).resize((4_000, 3_000), Image.Resampling.BICUBIC)
    written = io.BytesIO()
    Image.merge("RGB", [grain, grain.rotate(180), grain]).save(written, "JPEG", quality=90)
    return written.getvalue()


@pytest.fixture
def by_phone():
    """The product, the line to it, its address over that line, and the origin of a portal that may call it."""
    port, line = two_free_ports(), Line()
    api, stream = line.to(port), line.to(port + 1)
    with (
        portal() as origin,
        demo(PORT=str(port), PUBLIC_URL=api, STREAM_URL=stream, CORS_ALLOWED_ORIGINS=origin) as running,
    ):
        yield running, line, api, origin
    line.close()


def test_a_photo_arrives_on_a_slow_line_that_breaks_and_its_message_stands_once(by_phone, browser):
    running, line, api, origin = by_phone
    customer, original = Customer(running.url, PERSON), photo()
    assert 2_900_000 < len(original) < 3_300_000
    ticket = customer.open_ticket("The parcel is broken")
    page, faults, asked = browser.new_page(), [], []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked.append(request))
    open_portal(page, origin, api, PERSON, ticket)
    page.locator("#photo").set_input_files({"name": "IMG_0042.JPG", "mimeType": "image/jpeg", "buffer": original})
    page.evaluate(LOSE_ITS_ANSWER)

    line.begin_to_break()
    sent = page.evaluate(SEND)["message"]

    (announced,) = [json.loads(one.post_data) for one in asked if one.url.endswith("/attachments")]
    assert ONE_PHOTO / 2 < announced["size"] <= ONE_PHOTO
    assert 2 <= len([one for one in asked if one.method == "PUT"]) <= 3
    assert line.uploads == 2  # by the page or the browser
    assert line.breaks == 1
    assert page.evaluate("answers") == 2
    chat = customer.ask("GET", f"/messaging/conversations/{ticket['conversation']['id']}/messages")["messages"]
    assert [one["id"] for one in chat if one["content"] == "Look at this"] == [sent["id"]]
    (file,) = sent["attachments"]

    def seen():
        return customer.ask("GET", f"/messaging/attachments/{file['id']}")["attachment"]

    wait_until(lambda: seen()["state"] != "checking", "the photo was not checked")
    shown = seen()
    assert (shown["state"], shown["file_name"]) == ("ready", "IMG_0042.JPG")
    assert (shown["width"], shown["height"]) == (2_048, 1_536)
    assert not faults
