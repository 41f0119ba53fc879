"""`manage.py work`: what happens after a change was written."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from ondi.outbox.work import Work


class Command(BaseCommand):
    help = (
        "Tell what was written: number events, hand them to their subscribers, and do the work that repeats. Runs "
        "until it is ended by Ctrl-C or SIGTERM; any number of them may run, one leads."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        work = Work()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_signal: work.stop())
        work.run()
