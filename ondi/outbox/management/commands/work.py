"""`manage.py work`: what happens after a change was written."""

import signal
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand

from ondi.api.errors import DATABASE_IS_AWAY
from ondi.outbox.outgoing import is_ours
from ondi.outbox.work import Work

ELSEWHERE = (
    "warning: this database belongs to another installation, or to none: nothing is mailed, pushed or called from "
    "here, and no file is deleted (manage.py outgoing status)"
)


class Command(BaseCommand):
    help = (
        "Tell what was written: number events, hand them to their subscribers, and do the work that repeats. Runs "
        "until it is ended by Ctrl-C or SIGTERM; any number of them may run, one leads."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        work = Work()
        work.make_room()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_signal: work.stop())
        with suppress(*DATABASE_IS_AWAY):  # it is waited for; what goes out is asked again each turn
            if not is_ours():
                self.stderr.write(ELSEWHERE)
        work.run()
