"""`make bench-uploads`: what 50 uploads at a time cost the API beside the load of `make soak`, straight and behind nginx.

Documents of 10 MB, each another one, come at 1 Mbit/s each on 50 lines, the next one when one has ended; web workers,
stream process and work process are those of `make serve`. `PHOTOS=1` sends photos: what their being read and written
anew takes, most of a second of a processor each, is then measured too. `PAIRS` (24) phases of `SECONDS` (5) with
uploads each lie between two without, in which the lines stand still and nothing is left to be checked. Ends with 1
where the p95 of all calls is more than 5 % higher with uploads (the mean of the pairs), or something does not arrive
as it was sent.

The load is soak's own: 16 customers and 4 agents who ask again as soon as they were answered, so that the machine has
no spare moment, and what an upload takes of it shows. The lines are other machines elsewhere: standing still they take
as much of a processor as sending did, so that it makes no difference between the phases.
"""

import hashlib
import io
import math
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.report import quantile
from tests.reliability.caller import Caller
from tests.reliability.product import (
    Product,
    children_of,
    command_of,
    listens,
    processor_seconds,
    product,
    wait_until,
)
from tests.reliability.slow_clients import nginx
from tests.reliability.soak import CLIENTS, Soak
from tests.reliability.work import TICKETS, faults_of

SECONDS, PAIRS = float(os.environ.get("SECONDS", "5")), int(os.environ.get("PAIRS", "24"))
UPLOADS, SIZE = 50, 10_000_000
PHOTOS = bool(os.environ.get("PHOTOS"))
ANNOUNCED = {"file_name": "photo.jpg" if PHOTOS else "invoice.pdf", "size": SIZE,
             "content_type": "image/jpeg" if PHOTOS else "application/pdf"}  # fmt: skip
BYTES_A_SECOND, PIECES_A_SECOND = 125_000, 5
STEP = 0.1  # seconds
FIRST = 64 * 1_024  # bytes
KEEPS = 5.0  # seconds between two bytes of a line that stands still, so that it is not given up
LESS_URGENT = 10  # the lines' niceness
WARM_UP, SETTLES = 12.0, 1.5  # seconds
MOST = 1.05
FILES = "/messaging/attachments"
UNCHECKED = "SELECT count(*) FROM files_storedfile WHERE state = 'checking'"
FOUND = "SELECT id::text, state, sha256 FROM files_storedfile"
DOORS = STRAIGHT, NGINX = "straight", "behind nginx"
Address = tuple[str, int]


class Load(Soak):
    """Soak's clients until they are told to end. `calls`: each one's end, name and seconds."""

    def __init__(self, running: Product) -> None:
        super().__init__(running, seconds=3600)
        self.calls: list[tuple[float, str, float]] = []

    @contextmanager
    def going_on(self) -> Iterator[None]:
        crowd = threading.Thread(target=self.run, args=(CLIENTS,))
        crowd.start()
        try:
            yield
        finally:
            self.deadline = time.monotonic()
            crowd.join()

    def within(self, begin: float, end: float) -> dict[str, list[float]]:
        """Seconds of the calls that ended between these moments."""
        found: dict[str, list[float]] = defaultdict(list)
        for at, name, seconds in list(self.calls):
            if begin <= at < end:
                found[name].append(seconds)
                found["all"].append(seconds)
        return found

    def _timed(self, name: str, caller: Caller, method: str, path: str, body: Any = None) -> Any:
        answer = super()._timed(name, caller, method, path, body)
        self.calls.append((time.monotonic(), name, answer.seconds))
        return answer


@dataclass
class Line:
    """A client on a line of 1 Mbit/s. `sent`: by the id of each file, the mark in its bytes."""

    caller: Caller
    address: Address
    body: bytes
    sent: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def begin(self, at_once: int = 0) -> None:
        """Announce the next file and send what comes before it, and so many bytes of it.

        `FIRST` at the least: of a line that stood still right after its beginning the product would think it only drips.
        """
        at_once = max(at_once, FIRST)
        mark = uuid.uuid4().hex
        draft = self.caller.insist("POST", FILES, ANNOUNCED).data["attachment"]
        parts = urlsplit(draft["upload"]["url"])
        headers = {"Host": "localhost", **draft["upload"]["headers"], "Content-Length": SIZE}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.file_id, self.mark = draft["id"], mark
        self.begun = self.last = time.monotonic()
        self.socket = socket.create_connection(self.address, timeout=30)
        self.socket.sendall(f"PUT {parts.path}?{parts.query} HTTP/1.1\r\n{head}\r\n".encode() + beginning(mark))
        self.left = memoryview(self.body)
        self.socket.sendall(self.left[:at_once])
        self.left = self.left[at_once:]
        self.socket.setblocking(False)

    def go_on(self, most: int = BYTES_A_SECOND // PIECES_A_SECOND) -> None:
        """The next piece; behind the last one the answer, and the next file."""
        try:
            if self.left:
                piece = self.left[:most]
                self.left = self.left[self.socket.send(piece) :]
                self.last = time.monotonic()
                return
            status = self.socket.recv(65_536)[9:12]
        except BlockingIOError:
            return  # the other side is slower than we are
        except OSError as error:
            status = type(error).__name__.encode()
        if status == b"200":
            self.sent[self.file_id] = self.mark
        else:
            now = time.monotonic()
            self.faults.append(
                f"an upload was answered with {status!r} at {now:.0f} s, {now - self.begun:.1f} s after its beginning, "
                f"{now - self.last:.1f} s after its last byte, with {len(self.left):,} bytes left"
            )
        self.socket.close()
        self.begin()


def stand_still(lines: list[Line], share: float, going: Any, over: Any) -> None:
    """Until they go on: a byte of each now and then, and meanwhile this share of a processor."""
    due = time.monotonic()
    while not (going.wait(STEP) or over.is_set()):
        enough = time.process_time() + share * STEP
        while time.process_time() < enough:
            pass
        if time.monotonic() > due:
            due += KEEPS
            for line in lines:
                line.go_on(most=1)


def send_all(url: str, address: Address, tokens: list[str], body: bytes, going: Any, over: Any, results: Any) -> None:
    """Of a process of its own: the lines, spread evenly over all moments, as long as it is `going`."""
    os.nice(LESS_URGENT)
    lines = [Line(Caller(url, token), address, body) for token in tokens]
    for place, line in enumerate(lines):
        line.begin(at_once=len(body) * place // UPLOADS)
        for begun in lines[:place]:  # all of them take a minute on a busy machine, after which one is given up
            begun.go_on(most=1)
    turn, share = 0, 0.0
    while not over.is_set():
        stand_still(lines, share, going, over)
        start, spent = time.monotonic(), time.process_time()
        due = start
        while going.is_set() and not over.is_set():
            lines[turn % UPLOADS].go_on()
            due, turn = due + 1 / PIECES_A_SECOND / UPLOADS, turn + 1
            time.sleep(max(0.0, due - time.monotonic()))  # until the next line's turn
        share = (time.process_time() - spent) / (time.monotonic() - start)
    results.send(({key: mark for line in lines for key, mark in line.sent.items()},
                  [fault for line in lines for fault in line.faults]))  # fmt: skip


class Uploads:
    """The process that sends. `sent` and `faults` are there when it has ended."""

    def __init__(self, running: Product, address: Address, body: bytes) -> None:
        people = [token for _tenant, token in running.customers()]
        tokens = [people[place % len(people)] for place in range(UPLOADS)]
        context = multiprocessing.get_context("spawn")
        self.going, self._over = context.Event(), context.Event()
        self._results, theirs = context.Pipe(duplex=False)
        self._process = context.Process(
            target=send_all, args=(running.url, address, tokens, body, self.going, self._over, theirs), daemon=True
        )
        self._process.start()
        self.pid = self._process.pid or 0

    def end(self) -> tuple[dict[str, str], list[str]]:
        """What was sent, and what went wrong."""
        self._over.set()
        sent, faults = self._results.recv()
        self._process.join()
        return sent, faults


@dataclass
class Phase:
    with_uploads: bool
    seconds: dict[str, list[float]]
    busy: dict[str, float]  # processors, by what took them

    @property
    def p95(self) -> float:
        return quantile(self.seconds["all"], 0.95)

    @property
    def rate(self) -> float:
        return len(self.seconds["all"]) / SECONDS


def beginning(mark: str) -> bytes:
    """How a file begins that has this mark in a comment."""
    comment = mark.encode()
    if not PHOTOS:
        return b"%PDF-1.7\n%" + comment + b"\n"
    return b"\xff\xd8\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment


def a_body() -> bytes:
    """What stands behind the beginning."""
    return a_photo() if PHOTOS else os.urandom(SIZE - len(beginning(uuid.uuid4().hex)))


def a_photo() -> bytes:
    """What stands behind the beginning of a JPEG of twelve megapixels."""
    from PIL import Image

    def color() -> Any:
        coarse = Image.effect_noise((500, 375), 60).resize((4000, 3000), Image.Resampling.BICUBIC)
        return Image.blend(coarse, Image.effect_noise(coarse.size, 56), 0.35)

    whole, size = io.BytesIO(), SIZE - len(beginning(uuid.uuid4().hex))
    Image.merge("RGB", [color() for _channel in range(3)]).save(whole, "JPEG", quality=95)
    photo = whole.getvalue()[2:]
    if len(photo) > size:
        raise ValueError(f"the photo has {len(photo)} bytes")
    return photo.ljust(size, b"\0")


def processors(running: Product, uploads: Uploads) -> dict[str, float]:
    """Seconds of processor time until now: of the machine, the stream process, the checks and the lines."""
    user, nice, system, _idle, _wait, *interrupts = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:8])
    found = {"machine": (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")}
    for keeper in children_of(running.process.pid):
        for name in ("stream", "work"):
            if b"ondi.beside\0" + name.encode() in command_of(keeper):
                found[name] = sum(processor_seconds(child, with_ended=True) for child in children_of(keeper))
    return found | {"lines": processor_seconds(uploads.pid)}


def fill_lists(running: Product) -> None:
    """A page of tickets for each customer, so that their lists cost the same from the first call on."""
    for tenant, token in running.customers():
        caller = running.caller(token)
        for _ticket in range(20):
            caller.insist("POST", TICKETS, {"subject": f"{tenant}-{uuid.uuid4().hex}", "message": "x"})


def measured(running: Product, address: Address, body: bytes) -> tuple[list[Phase], list[str]]:
    """Phases without and with uploads in turn, and what went wrong."""
    load, uploads = Load(running), Uploads(running, address, body)
    uploads.going.set()
    with load.going_on(), running.owner() as owner:
        time.sleep(WARM_UP)
        found = [phase(running, load, uploads, owner, with_uploads=bool(turn % 2)) for turn in range(2 * PAIRS + 1)]
        sent, faults = uploads.end()
        wait_until(lambda: nothing_unchecked(owner), "uploads are not checked", 300)
        rows = {key: (state, sha256) for key, state, sha256 in owner.execute(FOUND)}
    for key, mark in sent.items():
        if rows.get(key) != ("ready", hashlib.sha256(beginning(mark) + body).hexdigest()):
            faults.append(f"{key} was sent and is {rows.get(key)}")
    sys.stdout.write(f"{len(sent)} {'photos' if PHOTOS else 'documents'} arrived.\n")
    return found, [*faults, *faults_of(running, load.ledger)]


def phase(running: Product, load: Load, uploads: Uploads, owner: Any, *, with_uploads: bool) -> Phase:
    if with_uploads:
        uploads.going.set()
    else:
        uploads.going.clear()
        wait_until(lambda: nothing_unchecked(owner), "uploads are not checked", 50)
    time.sleep(SETTLES)
    begin, before = time.monotonic(), processors(running, uploads)
    time.sleep(SECONDS)
    end, after = time.monotonic(), processors(running, uploads)
    busy = {name: (after[name] - before[name]) / (end - begin) for name in after}
    return Phase(with_uploads, load.within(begin, end), busy)


def nothing_unchecked(owner: Any) -> bool:
    return not owner.execute(UNCHECKED).fetchone()[0]


def told(phases: list[Phase]) -> float:
    """Write the figures; how many times slower the uploads make the p95, by the geometric mean of the pairs."""
    without, beside = phases[::2], phases[1::2]
    sys.stdout.write(f"  {'call':10}{'number':>8}{'p95 ms without':>16}{'p95 ms with':>13}{'times':>7}\n")
    for name in sorted(phases[0].seconds, key=lambda name: (name == "all", name)):
        first, second = (
            quantile([one for phase in some for one in phase.seconds[name]], 0.95) for some in (without, beside)
        )
        number = sum(len(phase.seconds[name]) for phase in phases)
        sys.stdout.write(f"  {name:10}{number:8}{first:16.1f}{second:13.1f}{second / first:7.2f}\n")
    ratios = [
        one.p95 / statistics.mean((before.p95, after.p95))
        for before, one, after in zip(without, beside, without[1:], strict=False)
    ]
    for what, figures in (
        ("p95 of all, ms, without:", [f"{one.p95:.1f}" for one in without]),
        ("p95 of all, ms, with:", [f"{one.p95:.1f}" for one in beside]),
        ("calls a second, without:", [f"{one.rate:.0f}" for one in without]),
        ("calls a second, with:", [f"{one.rate:.0f}" for one in beside]),
        ("times:", [f"{one:.2f}" for one in ratios]),
    ):
        sys.stdout.write(f"  {what:26}{' '.join(figures)}\n")
    for what, some in (("without", without), ("with", beside)):
        busy = {name: statistics.mean(one.busy[name] for one in some) for name in some[0].busy}
        sys.stdout.write(
            f"  processors busy {what}: " + ", ".join(f"{name} {used:.2f}" for name, used in busy.items()) + "\n"
        )
    logs = [math.log(one) for one in ratios]
    error = statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else math.inf
    sys.stdout.write(
        f"  the median of the pairs is {statistics.median(ratios):.3f}, the error of the mean {error:.3f}\n"
    )
    return math.exp(statistics.mean(logs))


def through(door: str) -> bool:
    """The whole measurement at one door; whether it held."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ondi-files-"))
        given = {"ONDI_FILES_DIR": folder, "FILES_URL": "http://files.example"}
        running = stack.enter_context(product(tenants=4, customers=10, agents=2, **given))
        host, port = urlsplit(running.url).hostname or "", urlsplit(running.url).port or 0
        files = (host, port + 1)
        wait_until(lambda: listens(port + 1), "the stream is not up")
        fill_lists(running)
        if door == NGINX:
            url = stack.enter_context(nginx(f"{host}:{port}", f"{host}:{port + 1}"))
            running, files = replace(running, url=url), (host, urlsplit(url).port or 0)
        sys.stdout.write(f"{door}: ")
        phases, faults = measured(running, files, a_body())
        ratio = told(phases)
    sys.stdout.write(f"  p95 with uploads: {ratio:.3f} times the one without (promised: at most {MOST}).\n")
    sys.stdout.write("".join(f"  ! {fault}\n" for fault in faults[:20]))
    return ratio <= MOST and not faults


def main() -> None:
    if len(sys.argv) > 1:
        sys.exit(not through(sys.argv[1]))
    each = [subprocess.run([sys.executable, "-m", "tests.benchmarks.uploads", door], check=False) for door in DOORS]
    sys.exit(any(one.returncode for one in each))


if __name__ == "__main__":
    main()
