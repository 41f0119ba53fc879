"""Files whose announcements, uploads, messages, checks and redactions meet killed processes, on disk and in a bucket.

Customers announce files, send their bytes, post them with messages and new tickets, delete some drafts and have some
messages redacted, while web, stream and work processes are killed at random. In the end, after the sweep with a clock
that is moved on by a day, the database, the storage and what the clients heard have to agree.
`CHAOS_FILE_KILLS` sets how many processes are killed (500).
"""

import hashlib
import http.client
import io
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.relay import end_the_served_one
from tests.files import bucket
from tests.reliability.caller import Caller
from tests.reliability.mails import start_django
from tests.reliability.product import ROOT, Product, database_url, free_port, listens, product, wait_until
from tests.reliability.work import TICKETS

KILLS = int(os.environ.get("CHAOS_FILE_KILLS", "500"))
CLIENTS, WORKERS = 6, 2
A_KILL = 8  # files that are sent meanwhile: checks, whose processes are killed all the time, come after no more
FILES = "/messaging/attachments"
TRIES, TURNS = 600, 10
ONE_AT_A_TIME = threading.Lock()
INSTALLATION = "files killed"
UNEQUAL = """
SELECT 'message ' || message.id FROM conversations_message AS message
WHERE attachment_count <> (SELECT count(*) FROM files_storedfile
                           WHERE parent_kind = 'message' AND parent_id = message.id AND state <> 'removed')
UNION ALL
SELECT 'note ' || note.id FROM support_ticketnote AS note
WHERE attachment_count <> (SELECT count(*) FROM files_storedfile
                           WHERE parent_kind = 'note' AND parent_id = note.id AND state <> 'removed')
UNION ALL
SELECT 'file without its message ' || file.id FROM files_storedfile AS file
WHERE parent_kind = 'message' AND NOT EXISTS (SELECT FROM conversations_message WHERE id = file.parent_id)
"""
ROWS = "SELECT id::text, state, parent_id::text, sha256 FROM files_storedfile"


@dataclass
class Heard:
    """What the clients were told, by the file's id. `sent`: the message or ticket it went with."""

    uploaded: dict[str, bytes] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    redacted: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    seen: "Counter[str]" = field(default_factory=Counter)


class Processes:
    """A stream process and two of work, started again when they are killed."""

    def __init__(self, running: Product, port: int) -> None:
        self.running, self.port = running, port
        self.environment = {**running.environment, "DATABASE_URL": database_url("ondi")}
        self.log = running.folder / "processes.log"
        self.stream = self._run("stream", "--port", str(port))
        self.work = [self._run("work") for _worker in range(WORKERS)]
        self.killed: Counter[str] = Counter()
        wait_until(lambda: listens(port), "the stream is not up")

    def _run(self, *command: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "manage.py", *command], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    def kill_one(self) -> None:
        what = random.choice(("web", "stream", "work"))
        if what == "web" and self.running.kill_a_worker():
            self.killed["web"] += 1
        elif what == "stream":
            _kill(self.stream)
            self.stream = self._run("stream", "--port", str(self.port))
            wait_until(lambda: listens(self.port), "the stream is not up again")
            self.killed["stream"] += 1
        else:
            place = random.randrange(WORKERS)
            _kill(self.work[place])
            self.work[place] = self._run("work")
            self.killed["work"] += 1

    def end(self) -> None:
        for process in (self.stream, *self.work):
            process.terminate()
        for process in (self.stream, *self.work):
            process.wait(30)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def killed_on_disk() -> tuple[dict[str, Any], list[str]]:
    """The scenario "files killed"."""
    return _killed()


def killed_in_a_bucket() -> tuple[dict[str, Any], list[str]]:
    """The scenario "files in a bucket killed": S3 as `rclone` speaks it."""
    with (
        tempfile.TemporaryDirectory(prefix="ondi-bucket-") as folder,
        bucket.serving(Path(folder), alone=True) as server,
    ):
        return _killed(
            FILES_BUCKET=bucket.BUCKET, FILES_S3_ENDPOINT=server.endpoint, FILES_S3_ACCESS_KEY=bucket.ACCESS_KEY,
            FILES_S3_SECRET_KEY=bucket.SECRET_KEY,
        )  # fmt: skip


@contextmanager
def _served(**more: str) -> Iterator[tuple[Product, Processes]]:
    port = free_port()
    with ExitStack() as stack:
        if "FILES_BUCKET" not in more:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ondi-files-"))
            more["ONDI_FILES_DIR"] = folder
        running = stack.enter_context(product(
            workers=4, ONDI_INSTALLATION=INSTALLATION, PUBLIC_URL="http://localhost", FILES_URL=f"http://127.0.0.1:{port}",
            **more,
        ))  # fmt: skip
        end_the_served_one(running)
        start_django(running.environment)
        _adopt()
        processes = Processes(running, port)
        stack.callback(processes.end)
        yield running, processes


def _adopt() -> None:
    """Nothing is deleted of a database that belongs elsewhere (`ondi/outbox/outgoing.py`)."""
    from ondi.outbox.outgoing import adopt

    adopt(INSTALLATION)


def _killed(**more: str) -> tuple[dict[str, Any], list[str]]:
    heard, over = Heard(), threading.Event()
    with _served(**more) as (running, processes):
        with ThreadPoolExecutor(CLIENTS) as pool:
            people = running.customers()
            may_go_on = lambda: len(heard.uploaded) < A_KILL * (1 + processes.killed.total())  # noqa: E731
            clients = [
                pool.submit(_client, running, heard, over, may_go_on, *people[place % len(people)])
                for place in range(CLIENTS)
            ]
            try:
                while sum(processes.killed.values()) < KILLS:
                    time.sleep(random.random() * 1.2)  # of the clients' work
                    processes.kill_one()
                time.sleep(1)
            finally:
                over.set()
            for client in clients:
                client.result()
        processes.end()
        faults = [*heard.faults, *_faults(running, heard)]
        return {
            "killed": dict(processes.killed), "uploaded": len(heard.uploaded), "sent": len(heard.sent),
            "redacted": len(heard.redacted), "drafts deleted": len(heard.deleted), "seen": dict(heard.seen),
        }, faults  # fmt: skip


def _client(
    running: Product, heard: Heard, over: threading.Event, may_go_on: Callable[[], bool], tenant: int, token: str
) -> None:
    caller, chat = running.caller(token), ""
    try:
        while not over.is_set():
            if may_go_on():
                chat = _one_case(running, caller, heard, tenant, chat)
            else:
                over.wait(0.05)
    except Exception as error:  # noqa: BLE001 - whatever it is belongs into the report
        heard.faults.append(f"a client: {type(error).__name__} {error}")
    heard.seen += Counter({str(status): times for status, times in caller.seen.items()})
    heard.seen["broken"] += caller.broken
    heard.faults += caller.faults


def _one_case(running: Product, caller: Caller, heard: Heard, tenant: int, chat: str) -> str:
    """One to three files on their way; the conversation to go on in."""
    keys = [_upload(caller, heard, *_something()) for _file in range(random.randint(1, 3))]
    dice = random.random()
    if chat and dice < 0.1:
        return chat  # drafts that nobody sends
    if chat and dice < 0.2:
        for key in keys:
            caller.insist("DELETE", f"{FILES}/{key}")
        heard.deleted.update(keys)
        return chat
    if not chat or dice < 0.4:
        body = {"subject": uuid.uuid4().hex, "message": "See these", "attachment_ids": keys}
        answer = caller.insist("POST", TICKETS, body)
        _expect(answer, 201, heard)
        ticket = answer.data["ticket"]
        heard.sent.update(dict.fromkeys(keys, ticket["id"]))
        return str(ticket["conversation"]["id"])
    path = f"/messaging/conversations/{chat}/messages"
    answer = caller.insist("POST", path, {"content": "", "attachment_ids": keys})
    _expect(answer, 201, heard)
    message = answer.data["message"]
    if [one["id"] for one in message["attachments"]] != keys:
        heard.faults.append(f"a message without its files: {message}")
    heard.sent.update(dict.fromkeys(keys, message["id"]))
    if dice > 0.85:
        heard.unsure.update(keys)
        _redact(running.tenants[tenant], message["id"], chat)
        heard.redacted.update(keys)
    return chat


def _expect(answer: Any, status: int, heard: Heard) -> None:
    if answer.status != status:
        raise AssertionError(f"{answer.status} {answer.body}")


def _something() -> tuple[str, str, bytes]:
    """A name, a type, and bytes that nobody else sends."""
    if random.random() < 0.6:
        return "note.txt", "text/plain", f"{uuid.uuid4()} ".encode() * random.randint(1, 5_000)
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((400, 300), random.randint(10, 100)).convert("RGB").save(out, "JPEG")
    return "photo.jpg", "image/jpeg", out.getvalue()


def _upload(caller: Caller, heard: Heard, name: str, content_type: str, body: bytes) -> str:
    """Announce it and send it until it is taken; its id."""
    answer = caller.insist("POST", FILES, {"file_name": name, "content_type": content_type, "size": len(body)})
    _expect(answer, 201, heard)
    draft = answer.data["attachment"]
    for _try in range(TRIES):
        try:
            status = _put(draft["upload"], body)
        except (OSError, http.client.HTTPException):
            heard.seen["uploads broken"] += 1
            time.sleep(0.1)  # as a client does before it tries again
            continue
        if status == 200:
            break
        if status != 503:
            raise AssertionError(f"an upload was answered with {status}")
    else:
        raise TimeoutError("an upload was not taken")
    key = str(draft["id"])
    heard.uploaded[key] = hashlib.sha256(body).hexdigest().encode()
    state = caller.insist("GET", f"{FILES}/{key}").data["attachment"]["state"]
    if state not in ("checking", "ready"):
        heard.faults.append(f"{key} was taken and is {state}")
    return key


def _put(upload: dict[str, Any], body: bytes) -> int:
    """Its status. Now and then it breaks off halfway, which raises `OSError`."""
    parts = urlsplit(upload["url"])
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        line.putrequest("PUT", f"{parts.path}?{parts.query}")
        for name, value in {**upload["headers"], "Content-Length": str(len(body))}.items():
            line.putheader(name, value)
        line.endheaders()
        line.send(body[: len(body) // 2])
        if random.random() < 0.1:
            raise ConnectionAbortedError
        line.send(body[len(body) // 2 :])
        answer = line.getresponse()
        answer.read()
        return answer.status
    finally:
        line.close()


def _redact(tenant: dict[str, Any], message_id: str, chat: str) -> None:
    """By the product's own service, as the admin calls it."""
    from django.db import connection

    from ondi.accounts.entering import acting_as
    from ondi.accounts.models import Membership
    from ondi.tenants.scope import tenant_scope
    from support.models import Ticket
    from support.services import redact_ticket_message

    agent = next(person["id"] for person in tenant["people"] if person["role"] == "agent")
    with ONE_AT_A_TIME, tenant_scope(uuid.UUID(tenant["id"])):
        lead = Membership.objects.select_related("user", "tenant__portal_settings").get(id=agent)
        lead.role = "lead"
        ticket = Ticket.objects.get(conversation_id=chat)
        redact_ticket_message(actor=acting_as(lead), ticket_id=ticket.id, message_id=uuid.UUID(message_id))
    connection.close()  # each thread has one, and the pool is small


def _faults(running: Product, heard: Heard) -> list[str]:
    from django.utils import timezone

    from ondi.files.checking import check_due
    from ondi.files.sweeping import delete_unnamed, sweep

    now = timezone.now()
    while check_due(at=now + timedelta(minutes=15)):  # whose leases have ended by then
        pass
    with running.owner() as owner:
        rows = {key: (state, parent, sha256) for key, state, parent, sha256 in owner.execute(ROWS)}
    found = list(_untrue(heard, rows))
    for chore in (sweep, delete_unnamed):
        _done(chore, now + timedelta(hours=25))
    with running.owner() as owner:
        found += [row for (row,) in owner.execute(UNEQUAL)]
    found += _unequal_bytes(running)
    return found


def _done(chore: Callable[..., Any], at: datetime) -> None:
    """It is begun again where the store was away, as the work process does."""
    from ondi.files.storage import StoreAway

    for _turn in range(TURNS):
        try:
            chore(at=at)
        except StoreAway:
            time.sleep(1)  # as little as the store may need
        else:
            return
    raise TimeoutError(f"{chore.__name__} never came through")


def _untrue(heard: Heard, rows: dict[str, tuple[str, str | None, str]]) -> Iterator[str]:
    """What a client heard and what is not so, before the sweep."""
    for key in heard.uploaded:
        state, parent, sha256 = rows.get(key, ("gone", None, ""))
        if key in heard.redacted | heard.deleted:
            if state not in ("removed", "gone"):
                yield f"{key} was redacted or deleted and is {state}"
        elif key in heard.unsure:
            continue
        elif state != "ready":
            yield f"{key} was taken and is {state}"
        elif sha256.encode() != heard.uploaded[key]:
            yield f"{key} has other bytes"
        elif key in heard.sent and parent is None:
            yield f"{key} was sent and is a draft"


def _unequal_bytes(running: Product) -> list[str]:
    """Where rows and storage differ."""
    from ondi.files.models import State, StoredFile
    from ondi.files.storage import Disk, store
    from ondi.files.sweeping import keys_of
    from ondi.tenants.scope import tenant_scope

    there, named, found = {one.key: one.size for one in store().listing()}, set(), []
    for tenant in running.tenants:
        with tenant_scope(uuid.UUID(tenant["id"])):
            files = list(StoredFile.objects.in_tenants([uuid.UUID(tenant["id"])]))
        for file in files:
            if file.state != State.READY:
                found.append(f"a row that is {file.state} after the sweep: {file.id}")
                continue
            _upload, *parts = keys_of(file)
            kept = parts if file.has_views else parts[:1]
            named.update(kept)
            found += [f"no bytes: {key}" for key in kept if key not in there]
            if sum(there.get(key, 0) for key in kept) != file.stored_bytes:
                found.append(f"another number of bytes: {file.id}")
    found += [f"no row: {key}" for key in there.keys() - named]
    disk = store()
    if isinstance(disk, Disk):
        from django.utils import timezone

        found += [f"left behind: {path.name}" for path in disk.old_temporaries(timezone.now() + timedelta(days=1))]
    return found
