"""What the commands of processes share."""

from django.core.management.base import BaseCommand, CommandError

from ondi.outbox.beats import trouble_here


def say_how_it_is(command: BaseCommand, kind: str) -> None:
    """`--check`, for supervisors and health checks. Raises `CommandError` with why it is not well."""
    if trouble := trouble_here(kind):
        raise CommandError(trouble)
    command.stdout.write(f"{kind}: well.\n")
