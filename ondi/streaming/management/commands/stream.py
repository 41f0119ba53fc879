"""`manage.py stream`: the process that keeps streams open."""

import asyncio
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from ondi.api.errors import DATABASE_IS_AWAY
from ondi.keys import refuse_weak_keys
from ondi.outbox.beats import BEAT_EVERY, Beat
from ondi.outbox.commands import say_how_it_is
from ondi.streaming.app import Stream
from ondi.streaming.hub import THREADS

BACKLOG = 1_024
REFUSED_AT_ONCE = 1_000  # beside those it takes
GOOD_BYE_WITHIN = 5  # seconds


class Command(BaseCommand):
    help = (
        "Keep streams open (GET /messaging/stream). Runs until it is ended by Ctrl-C or SIGTERM, and says so to its "
        "clients; any number of them may run, each on a port of its own. Each connection is an open file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8001)
        parser.add_argument(
            "--check", action="store_true", help="Only say whether one is well on this machine; exit code 1: none is."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            say_how_it_is(self, "stream")
            return
        if not 0 < options["port"] < 65536:
            raise CommandError("--port must be a number from 1 to 65535.")
        refuse_weak_keys()
        _refuse_taken(options["host"], options["port"])
        _allow_files()
        if pool := connections["default"].settings_dict["OPTIONS"].get("pool"):
            pool["max_size"] = THREADS
        asyncio.run(_serve(options["host"], options["port"]))
        if pool:
            connections["default"].close_pool()  # type: ignore[attr-defined]


async def _serve(host: str, port: int) -> None:
    """Until a signal comes: then everybody is told, and may go."""
    stream, is_over = Stream(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, is_over.set)
    server = Server(
        stream,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        backlog=BACKLOG,
        backpressure=settings.STREAM_CONNECTIONS + REFUSED_AT_ONCE,
        websockets=False,
        log_level=LogLevels.error,
    )
    serving, following = asyncio.create_task(server.serve()), asyncio.create_task(stream.hub.run())
    living = asyncio.create_task(_say_that_it_lives())
    ended = asyncio.create_task(is_over.wait())
    await asyncio.wait({serving, following, ended}, return_when=asyncio.FIRST_COMPLETED)
    stream.hub.shut()
    for _moment in range(GOOD_BYE_WITHIN * 20):
        if not stream.hub.connections:
            break
        await asyncio.sleep(0.05)
    living.cancel()
    following.cancel()
    server.stop()  # type: ignore[no-untyped-call]
    await asyncio.wait({serving, living}, timeout=GOOD_BYE_WITHIN)
    for task in (serving, following):
        if task.done() and not task.cancelled() and (error := task.exception()):
            raise error


async def _say_that_it_lives() -> None:
    """Until it is cancelled. While the database is away nothing can be said, and nothing could be done."""
    beat = Beat("stream")
    try:
        while True:
            with suppress(*DATABASE_IS_AWAY):
                await asyncio.to_thread(_in_a_thread, partial(beat.tell, {}))
            await asyncio.sleep(BEAT_EVERY)
    finally:
        with suppress(*DATABASE_IS_AWAY):
            await asyncio.to_thread(_in_a_thread, beat.end)


def _in_a_thread(say: Callable[[], None]) -> None:
    try:
        say()
    finally:
        connections["default"].close()


def _refuse_taken(host: str, port: int) -> None:
    """Granian would share a taken port silently with the program that has it."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(f"cannot listen on {host}, port {port}: {error.strerror}.") from None


def _allow_files() -> None:
    """As many open files as this process may have."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
