"""Django's `migrate`, run as the owner of the schema unless told otherwise."""

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: object, **options: object) -> None:
        if options["database"] == "owner" and "owner" not in settings.DATABASES:
            raise CommandError("Set DATABASE_OWNER_URL: the application's role may not change the schema.")
        super().handle(*args, **options)
