"""Connections to PostgreSQL that give up: a database that is silent must not hold a thread for ever."""

import threading
from typing import Any, TypeVar

import psycopg
from psycopg.errors import _WaitTimeout
from psycopg_pool import ConnectionPool

Answer = TypeVar("Answer")

# Longer than the server's own statement_timeout, so that it only ever speaks when the server cannot.
ANSWER_WITHIN = 20.0
_healing = threading.Lock()


class BoundedConnection(psycopg.Connection[Any]):
    """Waits `ANSWER_WITHIN` seconds for the server, then closes itself and raises `OperationalError`.

    The server's timeouts cannot help where nothing arrives any more: a network that drops packets, a
    frozen machine.
    """

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, ANSWER_WITHIN if timeout is None else timeout)
        except _WaitTimeout as error:
            if timeout is not None:
                raise
            self.close()
            raise psycopg.OperationalError(f"no answer from the database within {ANSWER_WITHIN:g} s") from error


def replace_broken_connections(pool: "ConnectionPool[Any] | None") -> None:
    """Look after every idle connection of the pool, beside the request that met a broken one.

    After a restart of the database all of them are dead. Checked before each use they would cost every
    request a round trip; found one by one, each would cost a request its answer.
    """
    if pool is None or not _healing.acquire(blocking=False):
        return
    threading.Thread(target=_heal, args=(pool,), daemon=True).start()


def _heal(pool: "ConnectionPool[Any]") -> None:
    try:
        pool.check()
    finally:
        _healing.release()
