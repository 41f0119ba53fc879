"""Bytes in and out by signed links, in the stream process: a slow line holds no thread of a web process."""

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.utils import translation
from django.utils.translation import gettext

from ondi.api.asgi import Header, Receive, Request, Send, answer, log, note
from ondi.api.errors import LengthRequired, MethodNotAllowed
from ondi.common.errors import InvalidInput, NotFound, ServiceUnavailable
from ondi.common.ids import new_id
from ondi.files.access import Awaited, Readable, awaited, readable, taken
from ondi.files.errors import AttachmentAlreadyUploaded
from ondi.files.links import READING, UPLOAD, Link, read_link
from ondi.files.models import incoming_key
from ondi.files.names import content_disposition
from ondi.files.storage import KEPT_BY_BROWSERS, Disk, StoreAway, store

if TYPE_CHECKING:
    from ondi.files.bucket import Bucket

AT_ONCE = 64
THREADS = 4
PIECE = 256 * 1_024  # bytes
PATIENCE = 60.0  # seconds without a byte
SLOWEST = 2 * 1_024  # bytes a second, of all since then, once a line had so many seconds
SLOW, REST = 160 * 1_024, 1.0  # bytes a second; seconds between two looks at a line that is slower
MOMENT, BEGINNING = 0.1, 64 * 1_024  # seconds over which that is judged at the least, and bytes before it is
OF_THE_BUCKET = 60  # seconds that its own links live
Answer = TypeVar("Answer")
Ask = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Span:
    """Which bytes of a file are wanted; `end`: the first that is not."""

    start: int
    end: int
    is_part: bool = False


class Pace:
    """How long one waits for the next piece. A line may stall, but none that only drips holds a place for days."""

    def __init__(self) -> None:
        self._begun = self._looked = time.monotonic()
        self._came = 0

    def patience(self, done: int) -> float:
        """Seconds, once so many bytes went over it."""
        return min(PATIENCE, self._begun + PATIENCE + done / SLOWEST - time.monotonic())

    async def rest(self, came: int, done: int) -> None:
        """Let more of a slow line gather, of which so many bytes came just now: a packet costs as much as a piece.

        Not at its beginning, when its system takes little at once, and would go on so.
        """
        self._came += came
        passed = time.monotonic() - self._looked
        if passed < MOMENT:
            return
        is_slow = done > BEGINNING and self._came < SLOW * passed
        self._came, self._looked = 0, self._looked + passed
        if is_slow:
            await asyncio.sleep(REST)


class FileServer:
    """`ask`: puts a question to the database, in a thread that may."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="files")
        self._at_work = 0

    async def serve(self, request: Request, receive: Receive, send: Send) -> None:
        """Raises `DomainError` before the first byte goes out; afterwards it only ends."""
        if request.method == "OPTIONS":
            await answer(request, send, 200, None)
            return
        link = read_link(request.path, request.query)
        if link is None:
            raise NotFound
        if request.method not in (("PUT",) if link.purpose == UPLOAD else ("GET", "HEAD")):
            raise MethodNotAllowed
        if self._at_work >= AT_ONCE:
            raise ServiceUnavailable
        self._at_work += 1
        try:
            if link.purpose in READING:
                await self._give(request, send, link)
            else:
                await self._take(request, receive, send, link)
        except OSError as error:
            raise ServiceUnavailable from error
        finally:
            self._at_work -= 1

    async def _do(self, work: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
        """Something that waits for a disk or a bucket."""
        call = partial(work, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _give(self, request: Request, send: Send, link: Link) -> None:
        file: Readable = await self._ask(readable, link)
        disposition = content_disposition(file.file_name, inline=file.is_shown)
        kept = store()
        if not isinstance(kept, Disk):
            await self._lead_to_bucket(request, send, file, disposition)
            return
        try:
            descriptor = await self._do(os.open, kept.path(file.key), os.O_RDONLY)
        except FileNotFoundError:
            raise ServiceUnavailable from None  # its row says it is there: `doctor` names it
        try:
            await self._send_file(request, send, file, descriptor, disposition)
        finally:
            os.close(descriptor)

    async def _send_file(self, request: Request, send: Send, file: Readable, descriptor: int, disposition: str) -> None:
        size, etag = os.fstat(descriptor).st_size, f'"{hashlib.sha256(file.key.encode()).hexdigest()[:32]}"'
        headers = [*_kept(request), (b"etag", etag.encode()), (b"accept-ranges", b"bytes")]
        if _is_known(request.headers.get("if-none-match", ""), etag):
            await _begin(request, send, 304, headers)
            await _end(send)
            return
        span = _span(request, size, etag)
        if span is None:
            refused = [
                *request.own_headers(),
                (b"cache-control", b"no-store"),
                (b"content-range", b"bytes */%d" % size),
            ]
            await _begin(request, send, 416, refused)
            await _end(send)
            return
        headers += [
            (b"content-type", _typed(file.content_type)), (b"content-disposition", disposition.encode()),
            (b"content-length", b"%d" % (span.end - span.start)),
        ]  # fmt: skip
        if span.is_part:
            headers.append((b"content-range", b"bytes %d-%d/%d" % (span.start, span.end - 1, size)))
        await _begin(request, send, 206 if span.is_part else 200, headers)
        try:
            if request.method == "GET":
                await self._send_bytes(send, descriptor, span)
        except (OSError, TimeoutError):  # no answer can be made of it any more: the client sees that less came
            log.warning("file broke off", exc_info=True)
            return  # what ends it would wait as well
        await _end(send)

    async def _send_bytes(self, send: Send, descriptor: int, span: Span) -> None:
        """Raises `TimeoutError` where the client takes nothing for too long, `OSError`."""
        place, pace = span.start, Pace()
        while place < span.end:
            piece = await self._do(os.pread, descriptor, min(PIECE, span.end - place), place)
            if not piece:
                raise OSError("shorter than it was")
            async with asyncio.timeout(pace.patience(place - span.start)):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            place += len(piece)

    async def _lead_to_bucket(self, request: Request, send: Send, file: Readable, disposition: str) -> None:
        bucket, content_type = cast("Bucket", store()), _typed(file.content_type).decode()
        url = await self._do(
            bucket.download_link, file.key, disposition=disposition, content_type=content_type, seconds=OF_THE_BUCKET,
            method=request.method,
        )  # fmt: skip
        kept = [(name, value) for name, value in _kept(request) if name != b"cache-control"]
        await _begin(
            request, send, 302,
            [*kept, (b"location", url.encode()), (b"cache-control", b"private, max-age=%d" % (OF_THE_BUCKET // 2))],
        )  # fmt: skip
        await _end(send)

    async def _take(self, request: Request, receive: Receive, send: Send, link: Link) -> None:
        disk = store()
        if not isinstance(disk, Disk):
            raise NotFound
        length = request.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 16):
            raise LengthRequired
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        upload: Awaited = await self._ask(awaited, link, int(length), content_type)
        path = await self._do(disk.temporary, incoming_key(upload.tenant_id, upload.file_id))
        try:
            sha256 = await self._receive(receive, path, int(length))
            if sha256 is not None:
                await self._keep(disk, upload, path, sha256)
        finally:
            await self._do(path.unlink, missing_ok=True)
        if sha256 is not None:
            with translation.override(request.language):
                body = {"success": True, "message": gettext("File uploaded"), "data": {}}
            await answer(request, send, 200, body)

    async def _receive(self, receive: Receive, path: Path, length: int) -> str | None:
        """Write so many bytes to this file; their hash. None where the client is gone before it sent all of them.

        Raises `InvalidInput` where others come than were said, or none for too long.
        """
        found, held, total, pace = hashlib.sha256(), bytearray(), 0, Pace()
        descriptor = await self._do(os.open, path, os.O_WRONLY)
        try:
            while True:
                try:
                    async with asyncio.timeout(pace.patience(total)):
                        message = await receive()
                except TimeoutError:
                    raise InvalidInput({"Content-Length": ["invalid"]}) from None
                if message["type"] == "http.disconnect":
                    return None
                piece = message.get("body", b"")
                held += piece
                total += len(piece)
                if total > length:
                    raise InvalidInput({"Content-Length": ["invalid"]})
                is_last = not message.get("more_body")
                if is_last or len(held) >= PIECE:
                    await self._do(_write, descriptor, held, found)
                    held = bytearray()
                if is_last:
                    break
                if total < length:
                    await pace.rest(len(piece), total)
        finally:
            os.close(descriptor)
        if total < length:
            raise InvalidInput({"Content-Length": ["invalid"]})
        return found.hexdigest()

    async def _keep(self, disk: Disk, upload: Awaited, path: Path, sha256: str) -> None:
        """Raises `InvalidInput` for other bytes than announced, `AttachmentAlreadyUploaded`, `NotFound`."""
        if upload.is_taken:
            if upload.sha256 != sha256:
                raise AttachmentAlreadyUploaded
            return
        if upload.sha256 not in ("", sha256):
            raise InvalidInput({"sha256": ["invalid"]})
        upload_id = new_id()
        key = incoming_key(upload.tenant_id, upload_id)
        await self._do(disk.keep, path, key)
        is_ours = False
        try:
            is_ours = await self._ask(taken, upload, upload_id, sha256)
        finally:
            if not is_ours:
                await self._do(disk.delete, [key])


def _write(descriptor: int, piece: bytearray, found: Any) -> None:
    found.update(piece)
    left = memoryview(piece)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError as error:
        raise StoreAway(str(error.strerror)) from error


def _kept(request: Request) -> list[Header]:
    """How a browser keeps it, and that it does nothing by itself there."""
    return [
        (b"cache-control", KEPT_BY_BROWSERS.encode()), (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
        (b"cross-origin-resource-policy", b"cross-origin"), (b"referrer-policy", b"no-referrer"),
        *request.own_headers(),
    ]  # fmt: skip


def _is_known(said: str, etag: str) -> bool:
    """Whether `If-None-Match` names it."""
    known = {one.strip().removeprefix("W/") for one in said.split(",")}
    return bool(known & {etag, "*"})


def _typed(content_type: str) -> bytes:
    """Text without a charset is read in whatever a browser guesses."""
    return content_type.encode() + (b"; charset=utf-8" if content_type.startswith("text/") else b"")


def _span(request: Request, size: int, etag: str) -> Span | None:
    """Which bytes are asked for: of several ranges, or of none that is understood, all; None for one beyond the end."""
    whole, header = Span(0, size), request.headers.get("range", "")
    unit, _equals, given = header.partition("=")
    first, dash, last = given.strip().partition("-")
    numbers = [text for text in (first, last) if text]
    if request.method != "GET" or unit.strip().lower() != "bytes" or not dash or not numbers or "," in given:
        return whole
    if not all(text.isascii() and text.isdigit() and len(text) < 16 for text in numbers):
        return whole
    if request.headers.get("if-range", etag) != etag:
        return whole
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if first and last and int(last) < int(first):
        return whole
    return Span(start, end, is_part=True) if start < end else None


async def _begin(request: Request, send: Send, status: int, headers: list[Header]) -> None:
    note(request, status)
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})
