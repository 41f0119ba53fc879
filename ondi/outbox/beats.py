"""Processes beside the web's say every few seconds that they live: in the database, and to systemd where that watches.

A process that lives and does nothing is worse than a dead one, for nobody starts it again: so each of its parts says
when it last came round, and one that has not for `STUCK_AFTER` silences the whole process.
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from django.utils import timezone

from ondi.outbox.models import Process
from ondi.version import VERSION

BEAT_EVERY = 5.0  # seconds
ALIVE_FOR = timedelta(seconds=30)
STUCK_AFTER = 15 * 60.0  # seconds; the longest chore takes minutes


class Beat:
    """What one process says of itself. `kind`: work, or stream."""

    def __init__(self, kind: str) -> None:
        self.process = Process(kind=kind, host=socket.gethostname(), pid=os.getpid(), version=VERSION)

    def tell(self, turns: Mapping[str, float]) -> None:
        """That it lives; `turns`: when each of its parts last came round (`time.time`). One statement."""
        self.process.turns, self.process.beat_at = dict(turns), timezone.now()
        Process.objects.bulk_create(
            [self.process], update_conflicts=True, unique_fields=["id"], update_fields=["turns", "beat_at"]
        )
        if not stuck(turns):
            tell_systemd("READY=1\nWATCHDOG=1")

    def end(self) -> None:
        """It ends as it was asked to."""
        Process.objects.filter(id=self.process.id).delete()


def stuck(turns: Mapping[str, float]) -> list[str]:
    """The parts that have not come round for too long, by name."""
    return sorted(name for name, last in turns.items() if time.time() - last > STUCK_AFTER)


def alive(kind: str) -> list[Process]:
    """Those of this kind that said so within `ALIVE_FOR`, on any machine."""
    return list(Process.objects.filter(kind=kind, beat_at__gt=timezone.now() - ALIVE_FOR).order_by("started_at"))


def trouble_here(kind: str) -> str:
    """Why no process of this kind is well on this machine, in a sentence; empty where one is."""
    here = [one for one in alive(kind) if one.host == socket.gethostname()]
    if not here:
        return f"no {kind} process on this machine has said anything for {ALIVE_FOR.seconds} s."
    if all(stuck(one.turns) for one in here):
        names = ", ".join(sorted({name for one in here for name in stuck(one.turns)}))
        return f"the {kind} process lives, but has been stuck for {STUCK_AFTER / 60:.0f} minutes at: {names}."
    return ""


def tell_systemd(words: str) -> None:
    """In the protocol of sd_notify; nothing where no systemd asked for it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
        notifying.sendto(words.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)
