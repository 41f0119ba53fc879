"""`manage.py redact_messages`."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from conversations.events import TEXTS
from ondi.common.ids import parse_id
from ondi.datafixes.command import FixCommand
from support.fixes.messages import RedactMessages
from support.fixes.tickets import add_between, period_in, read_csv


class Command(FixCommand):
    help = (
        "FINAL. Remove messages for everybody: system messages of one --event between two moments (a bad integration "
        "run), or the messages of a CSV with the column `message` (ids; a secret in a chat). Changes messages, "
        "previews and kept answers. There is no undo: nothing is kept of what was there."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--event", choices=sorted(TEXTS), metavar="CODE", help=f"One of: {', '.join(sorted(TEXTS))}."
        )
        add_between(parser)
        parser.add_argument("--from", dest="file", type=Path, metavar="CSV")

    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> RedactMessages:
        if options["file"]:
            keys = [parse_id(row["message"]) for row in read_csv(options["file"], "message")]
            if None in keys:
                raise CommandError(f"{options['file']}: `message` has to be an id in every row.")
            return RedactMessages(tenant_id, named=[key for key in keys if key])
        if not (options["event"] and options["between"]):
            raise CommandError("Give --event and --between, or --from.")
        return RedactMessages(tenant_id, event=options["event"], between=period_in(tenant_id, options["between"]))
