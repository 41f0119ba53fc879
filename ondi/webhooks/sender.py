"""One call to a tenant's program: to an address that was judged, over nobody's proxy, in so much time and no more.

The name is resolved once and the connection goes to what was judged then, so a name that turns to another address
meanwhile gains nothing. TLS and `Host` keep the name.
"""

import functools
import heapq
import http.client
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from ondi.webhooks.addresses import PORTS, Address, Networks, host_of, is_public, is_within, literal, port_of

LIMIT, RESOLVE_LIMIT = 15.0, 2.0  # seconds
MOST_READ, KEPT_OF_ANSWER, PIECE = 64 * 1024, 2 * 1024, 16 * 1024
MOST_ADDRESSES = 4  # of a name that are tried
Resolver = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent where. `networks`: the private ones that are open to it; `limit`: seconds for all of it."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    networks: Networks = ()
    limit: float = LIMIT


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `error`: in a code, empty for a success; `retry_after`: seconds that the program asked for."""

    milliseconds: int
    status: int | None = None
    error: str = ""
    answer: str = ""
    retry_after: float | None = None


class Failed(Exception):
    """Carries the code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_kind, where in found))


def send(call: Call, *, resolver: Resolver = resolve) -> Outcome:
    """Make this call. Never raises what the other side or the network does: that is an `Outcome` with an error."""
    began = time.monotonic()
    deadline = _Deadline(call.limit)
    try:
        status, answer, retry_after = _exchange(call, deadline, resolver)
    except Failed as failed:
        return Outcome(_since(began), error="timed_out" if deadline.is_over else failed.code)
    finally:
        deadline.end()
    return Outcome(_since(began), status, _fault(status), answer, retry_after)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _fault(status: int) -> str:
    if 200 <= status < 300:
        return ""
    return "redirected" if 300 <= status < 400 else "refused"


def _exchange(call: Call, deadline: "_Deadline", resolver: Resolver) -> tuple[int, str, float | None]:
    """Status, what is kept of the answer, and how long to wait. Raises `Failed`."""
    parts = urlsplit(call.url)
    host, port = host_of(call.url), port_of(parts)
    addresses = _resolved(host, port, deadline, resolver)
    is_open = all(is_within(address, call.networks) for address in addresses)
    if not all(is_public(address) or is_within(address, call.networks) for address in addresses):
        raise Failed("address_not_allowed")
    if not is_open and (parts.scheme != "https" or port not in PORTS):
        raise Failed("address_not_allowed")
    connection = _connected(parts.scheme, host, port, addresses, deadline)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(
            "POST", target, body=call.body, headers=dict(call.headers), preload_content=False, decode_content=False
        )
        response = connection.getresponse()
        answer = _read(response)
        is_kept = not any(is_within(address, call.networks) for address in addresses)
        shown = answer[:KEPT_OF_ANSWER].decode("utf-8", "replace") if is_kept else ""
        return response.status, shown, _retry_after(response.headers.get("Retry-After", ""))
    except (ssl.SSLError, urllib3.exceptions.SSLError) as error:
        raise Failed("tls_failed") from error
    except (http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionError) as error:
        raise Failed("closed_early") from error
    except TimeoutError as error:
        raise Failed("timed_out") from error
    except (http.client.HTTPException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise Failed("bad_answer") from error
    finally:
        connection.close()


def _resolved(host: str, port: int, deadline: "_Deadline", resolver: Resolver) -> list[Address]:
    """All addresses of a host. A resolver that hangs is left to itself: nothing can stop it. Raises `Failed`."""
    if (address := literal(host)) is not None:
        return [address]
    found: list[Sequence[str]] = []

    def ask() -> None:
        try:
            found.append(resolver(host, port))
        except (OSError, UnicodeError):
            found.append(())

    asking = threading.Thread(target=ask, daemon=True, name="resolve")
    asking.start()
    asking.join(min(RESOLVE_LIMIT, deadline.left))
    if not found:
        raise Failed("name_timed_out")
    try:
        addresses = [ip_address(one.split("%")[0]) for one in found[0]]
    except ValueError as error:
        raise Failed("name_not_found") from error
    if not addresses:
        raise Failed("name_not_found")
    return addresses


def _connected(
    scheme: str, host: str, port: int, addresses: Sequence[Address], deadline: "_Deadline"
) -> HTTPConnection:
    """A connection to the first of them that answers. Raises `Failed`."""
    code = "not_connected"
    for address in addresses[:MOST_ADDRESSES]:
        connection: HTTPConnection = (
            _Straight(host, port, timeout=deadline.left)
            if scheme == "http"
            else _StraightOverTls(host, port, timeout=deadline.left, ssl_context=trust())
        )
        connection.judged, connection.deadline = str(address), deadline  # type: ignore[attr-defined]
        try:
            connection.connect()
        except (ssl.SSLError, urllib3.exceptions.SSLError) as error:
            connection.close()
            raise Failed("tls_failed") from error
        except TimeoutError:
            code = "timed_out"
        except (OSError, urllib3.exceptions.HTTPError):
            code = "not_connected"
        else:
            return connection
        connection.close()
    raise Failed(code)


@functools.cache
def trust() -> ssl.SSLContext:
    """The system's authorities."""
    return ssl.create_default_context()


def _read(response: Any) -> bytes:
    """The answer's body. Raises `Failed` where a success never ends; of another only the beginning counts."""
    is_success = 200 <= response.status < 300
    read = b""
    try:
        while piece := response.read(PIECE, decode_content=False):
            read += piece
            if len(read) > MOST_READ:
                if is_success:
                    raise Failed("answer_too_long")
                break
    except (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError) as error:
        if is_success:
            raise Failed("closed_early") from error
    return read


def _retry_after(text: str) -> float | None:
    """Seconds, or a date as HTTP writes it."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


class _Watchdog:
    """Cuts calls whose time is over: those of a process, in one thread."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._watched: list[tuple[float, int, _Deadline]] = []  # a heap: the next to end comes first
        self._numbers = itertools.count()

    def watch(self, deadline: "_Deadline") -> None:
        with self._news:
            heapq.heappush(self._watched, (deadline.ends, next(self._numbers), deadline))
            if self._watched[0][-1] is deadline:
                self._news.notify()

    def run(self) -> None:
        while True:
            with self._news:
                while self._watched and self._watched[0][-1].has_ended:
                    heapq.heappop(self._watched)
                if not self._watched or (wait := self._watched[0][0] - time.monotonic()) > 0:
                    self._news.wait(wait if self._watched else None)
                    continue
                _ends, _number, over = heapq.heappop(self._watched)
            over.cut()


@functools.cache
def _watchdog() -> _Watchdog:
    watchdog = _Watchdog()
    threading.Thread(target=watchdog.run, daemon=True, name="watchdog").start()
    return watchdog


class _Deadline:
    """The end of a call by the clock: what is still open then is cut, whatever it waits for."""

    def __init__(self, seconds: float) -> None:
        self.ends, self.has_ended = time.monotonic() + seconds, False
        self._socket: socket.socket | None = None
        _watchdog().watch(self)

    @property
    def left(self) -> float:
        return max(self.ends - time.monotonic(), 0.001)

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.ends

    def watch(self, opened: socket.socket) -> None:
        """A double of it: TLS takes the original away."""
        self._close()
        self._socket = opened.dup()

    def end(self) -> None:
        self.has_ended = True
        self._close()

    def cut(self) -> None:
        watched = self._socket
        if watched is not None:
            try:
                watched.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Straight(HTTPConnection):
    """Goes to the address that was judged; the host stays the name."""

    judged: str
    deadline: _Deadline

    def _new_conn(self) -> socket.socket:
        return _opened(self.judged, self.port, self.deadline)


class _StraightOverTls(HTTPSConnection):
    judged: str
    deadline: _Deadline

    def _new_conn(self) -> socket.socket:
        return _opened(self.judged, self.port, self.deadline)


def _opened(address: str, port: int, deadline: _Deadline) -> socket.socket:
    opened = socket.create_connection((address, port), timeout=deadline.left)
    deadline.watch(opened)
    return opened
