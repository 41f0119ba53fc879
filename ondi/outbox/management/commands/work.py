"""`manage.py work`: what happens after a change was written."""

import signal
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ondi.api.errors import DATABASE_IS_AWAY
from ondi.outbox.commands import say_how_it_is
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

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Only say whether one is well on this machine; exit code 1: none is."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            say_how_it_is(self, "work")
            return
        work = Work()
        work.make_room()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_signal: work.stop())
        with suppress(*DATABASE_IS_AWAY):  # it is waited for; what goes out is asked again each turn
            if not is_ours():
                self.stderr.write(ELSEWHERE)
        work.run()
