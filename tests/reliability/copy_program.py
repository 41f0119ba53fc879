"""A program of a tenant's that keeps a copy of its tickets: it knows a webhook's secret and a key, and no more of us.

It is written as docs/operators.md ("A copy kept by webhooks") says, and imports nothing of the product.
`python -m tests.reliability.copy_program STORE URL KEY SECRET PORT` keeps the copy in a file of SQLite; it may be
killed anywhere, and goes on from there.
"""

import http.client
import json
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from standardwebhooks import Webhook, WebhookVerificationError

TICKETS = "/integrations/tickets"
AT_ONCE = 50  # tickets and messages of a page
TABLES = """
PRAGMA journal_mode = wal;
CREATE TABLE IF NOT EXISTS ticket (id TEXT PRIMARY KEY, version INTEGER, ticket TEXT, messages TEXT);
CREATE TABLE IF NOT EXISTS unread (number INTEGER PRIMARY KEY AUTOINCREMENT, ticket_id TEXT);
CREATE TABLE IF NOT EXISTS refused (number INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS loading (last_id TEXT, is_over INTEGER);
"""
KEEP = """
INSERT INTO ticket VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
SET version = excluded.version, ticket = excluded.ticket, messages = excluded.messages
"""
Ticket = dict[str, Any]


class Copy:
    """The tickets in a file, and how they are read. To be used by one thread."""

    def __init__(self, store: Path, url: str, key: str) -> None:
        self._store = sqlite3.connect(store, timeout=60, isolation_level=None)
        self._store.executescript(TABLES)
        self._key, self._where = key, urlsplit(url)
        self._line: http.client.HTTPConnection | None = None

    def load(self) -> None:
        """Read all there is, a page at a time; killed, it goes on after the last page that it stored."""
        last_id, is_over = self._store.execute("SELECT last_id, is_over FROM loading").fetchone() or ("", 0)
        while not is_over:
            page = self._read(TICKETS, limit=AT_ONCE, **({"after": last_id} if last_id else {}))
            last_id = page["tickets"][-1]["id"] if page["tickets"] else last_id
            is_over = not page["has_more"]
            rows = self._with_messages(page["tickets"])
            with self._storing():
                self._store.executemany(KEEP, rows)
                self._store.execute("DELETE FROM loading")
                self._store.execute("INSERT INTO loading VALUES (?, ?)", [last_id, is_over])

    def follow(self) -> int:
        """Read some of what calls said has changed; how many tickets. Calls that come meanwhile stay for later."""
        last = self._store.execute("SELECT max(number) FROM unread").fetchone()[0]
        oldest = "SELECT ticket_id FROM unread GROUP BY ticket_id ORDER BY min(number) LIMIT ?"
        wanted = [ticket_id for (ticket_id,) in self._store.execute(oldest, [AT_ONCE])]
        if wanted:
            rows = self._with_messages(self._read(TICKETS, ids=",".join(wanted))["tickets"])
            with self._storing():
                self._store.executemany(KEEP, rows)
                self._store.executemany(
                    "DELETE FROM unread WHERE ticket_id = ? AND number <= ?",
                    [(ticket_id, last) for ticket_id in wanted],
                )
        return len(wanted)

    def contents(self) -> Iterator[tuple[Ticket, list[Ticket]]]:
        """Each ticket with its messages."""
        for ticket, messages in self._store.execute("SELECT ticket, messages FROM ticket"):
            yield json.loads(ticket), json.loads(messages)

    def count(self, table: str) -> int:
        return int(self._store.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def _with_messages(self, tickets: Sequence[Ticket]) -> list[tuple[str, int, str, str]]:
        """The messages are read after the ticket: a change in between raises its version, and is told of by a call."""
        return [(one["id"], one["version"], json.dumps(one), json.dumps(self._messages(one["id"]))) for one in tickets]

    def _messages(self, ticket_id: str) -> list[Ticket]:
        found: list[Ticket] = []
        more = True
        while more:
            before = {"before": found[-1]["id"]} if found else {}
            page = self._read(f"{TICKETS}/{ticket_id}/messages", limit=AT_ONCE, **before)
            found += page["messages"]
            more = page["has_more"]
        return found

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """All of it or, where it is killed, nothing."""
        self._store.execute("BEGIN IMMEDIATE")
        yield
        self._store.execute("COMMIT")

    def _read(self, path: str, **query: Any) -> dict[str, Any]:
        """Asked again until there is an answer."""
        while True:
            try:
                status, body = self._ask(f"{path}?{urlencode(query)}")
            except (OSError, http.client.HTTPException):
                self._line = None
            else:
                if status == 200:
                    return dict(json.loads(body)["data"])
                if status not in (429, 503):
                    raise AssertionError(f"{path}: {status} {body[:200]!r}")
            time.sleep(0.2)

    def _ask(self, target: str) -> tuple[int, bytes]:
        if self._line is None:
            self._line = http.client.HTTPConnection(self._where.hostname or "", self._where.port, timeout=60)
        self._line.request("GET", target, headers={"X-API-Key": self._key})
        answer = self._line.getresponse()
        return answer.status, answer.read()


def receiver(store: Path, secret: str, port: int, news: threading.Event) -> ThreadingHTTPServer:
    """What is called: it verifies, stores what to read, and answers then."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with closing(sqlite3.connect(store, timeout=60, isolation_level=None)) as file:
                try:
                    said = Webhook(secret).verify(body, {name.lower(): value for name, value in self.headers.items()})
                except WebhookVerificationError:
                    file.execute("INSERT INTO refused DEFAULT VALUES")
                    self._answer(400)
                    return
                if is_news(file, said["data"]):
                    file.execute("INSERT INTO unread (ticket_id) VALUES (?)", [said["data"]["ticket_id"]])
            news.set()
            self._answer(204)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_of: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exception(), ConnectionError):  # a caller that was killed calls again
                super().handle_error(request, client_address)

    return Server(("127.0.0.1", port), Handler)


def is_news(file: sqlite3.Connection, data: Ticket) -> bool:
    """Calls come twice and in any order: what was read in this version or a later one says nothing new.

    What is of no ticket or no version of one, as `notification.due`, is answered like all others.
    """
    if not data.get("ticket_id") or data.get("version") is None:
        return False
    kept = file.execute("SELECT version FROM ticket WHERE id = ?", [data["ticket_id"]]).fetchone()
    return kept is None or kept[0] < data["version"]


def main(store: str, url: str, key: str, secret: str, port: str) -> None:
    news = threading.Event()
    copy = Copy(Path(store), url, key)
    server = receiver(Path(store), secret, int(port), news)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    copy.load()
    while True:
        news.clear()
        if not copy.follow():
            news.wait(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
