"""A photo of 3 MB, sent by the lines of docs/portals.md on a line that is slow, stalls, and breaks every minute."""

import base64
import contextlib
import io
import socket
import threading
import time

import pytest
from PIL import Image

from tests.e2e.browsing import Customer, demo
from tests.e2e.portal import open_portal, portal
from tests.reliability.product import two_free_ports

PERSON = "customer3@tigris.demo"
RATE, PIECE = 16_000, 1_600  # bytes a second; at once
STALLS_AFTER, STALLS, EVERY = 8.0, 12.0, 60.0  # seconds of a minute: goes, stands still, and at its end breaks
SMALL = 600_000
# It counts what a portal's page asks of files by itself.
COUNTING = """
const plain = window.fetch; window.puts = 0;
window.fetch = (address, how) => { if (how && how.method === "PUT") window.puts += 1; return plain(address, how); };
"""


class SlowLine:
    """A proxy on TCP whose connections share so many bytes a second to the server; the clock begins with the first."""

    def __init__(self, port):
        self.target, self.breaks, self.bytes = port, 0, 0
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        self.pairs, self.begun, self.lock = [], None, threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _address = self.door.accept()
            except OSError:
                return
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            server = socket.create_connection(("127.0.0.1", self.target))
            self.pairs.append((client, server))
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(client, server), daemon=True).start()

    def start(self):
        self.begun = time.monotonic()
        threading.Thread(target=self._break, daemon=True).start()

    def _break(self):
        for number in range(1, 100):
            time.sleep(max(0.0, self.begun + number * EVERY - STALLS_AFTER - time.monotonic()))
            pairs, self.pairs = self.pairs, []
            for pair in pairs:
                for line in pair:
                    _hang_up(line)
            self.breaks += bool(pairs)

    def _stands_still(self):
        return self.begun and (time.monotonic() - self.begun) % EVERY > EVERY - STALLS

    def _up(self, client, server):
        try:
            while piece := client.recv(PIECE):
                with self.lock:  # one line for all
                    time.sleep(len(piece) / RATE)  # slowness itself
                    while self._stands_still() and client.fileno() >= 0:
                        time.sleep(0.05)
                self.bytes += len(piece)
                server.sendall(piece)
        except OSError:
            pass
        _hang_up(server)

    def _down(self, client, server):
        try:
            while piece := server.recv(65_536):
                client.sendall(piece)
        except OSError:
            pass
        _hang_up(client)

    def close(self):
        self.door.close()


def _hang_up(line):
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()


def photo():
    """Of about 3 MB, as a phone's: larger than is sent, and hard to make small."""
    noise = Image.effect_noise((1_000, 750), 20).resize((4_000, 3_000), Image.Resampling.BICUBIC)
    picture = Image.merge("RGB", [noise, noise.transpose(Image.Transpose.ROTATE_180), noise])
    for quality in range(98, 40, -2):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        if out.tell() < 3_300_000:
            return out.getvalue()
    raise AssertionError("too large")


@pytest.fixture
def slow():
    """The product, the line to its stream process, and the origin of a portal that may call it."""
    port = two_free_ports()
    line = SlowLine(port + 1)
    with portal() as origin, demo(PORT=str(port), FILES_URL=line.url, CORS_ALLOWED_ORIGINS=origin) as running:
        yield running, line, origin
    line.close()


def test_a_photo_arrives_on_a_slow_line_that_breaks_and_its_message_stands_once(slow, browser):
    running, line, origin = slow
    customer, original = Customer(running.url, PERSON), photo()
    assert 2_500_000 < len(original) < 3_500_000
    ticket = customer.open_ticket("The parcel is broken")
    page, faults = browser.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    open_portal(page, origin, running.url, PERSON, ticket)
    page.evaluate(COUNTING)
    page.evaluate(
        """async (text) => {
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          window.photo = new File([bytes], "IMG_0042.JPG", { type: "image/jpeg" });
        }""",
        base64.b64encode(original).decode(),
    )

    line.start()
    line.begun -= EVERY - STALLS - 15  # so that it meets a stall and a break on the way
    page.evaluate(
        """() => { window.done = null;
          sendPhoto(window.photo, asked.chat, "Look at this").then((said) => { window.done = said; },
                                                                  (error) => { window.done = String(error); }); }"""
    )
    page.wait_for_function("window.done !== null", timeout=300_000)

    said = page.evaluate("window.done")
    assert "message" in said, said
    chat = customer.ask("GET", f"/messaging/conversations/{ticket['conversation']['id']}/messages")["messages"]
    mine = [one for one in chat if one["content"] == "Look at this"]
    assert len(mine) == 1
    (file,) = mine[0]["attachments"]
    assert file["file_name"] == "IMG_0042.jpg"
    assert file["state"] in ("checking", "ready")
    assert page.evaluate("window.puts") <= 3
    assert line.breaks >= 1
    assert line.bytes > SMALL / 4

    def state():
        return customer.ask("GET", f"/messaging/attachments/{file['id']}")["attachment"]

    until = time.monotonic() + 30
    while state()["state"] == "checking" and time.monotonic() < until:
        time.sleep(0.2)
    seen = state()
    assert seen["state"] == "ready"
    assert max(seen["width"], seen["height"]) == 2_048
    assert not faults
