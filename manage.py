#!/usr/bin/env python
"""Django's command line; starts the private database for the commands that need one."""

import os
import sys

from ondi import embedded_postgres
from ondi.stop import settings_of_serving

WITHOUT_DATABASE = {
    "check", "collectstatic", "diffsettings", "help", "makemessages", "makemigrations", "spectacular", "version",
}  # fmt: skip


WHAT_IS_MISSING = (
    "In development set DEBUG=true, or let `make serve` run on this data folder, whose settings are then taken; "
    "in production set what the README names under Configuration."
)
# Who sets one of these knows what to run with; nothing is taken from a `make serve` then.
SET_BY_HAND = {"DEBUG", "SECRET_KEY", "JWT_SIGNING_KEY", "DATABASE_URL", "DATABASE_OWNER_URL"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ondi.settings")
    if not SET_BY_HAND & os.environ.keys():
        os.environ.update(settings_of_serving())
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from ondi.common.errors import DomainError

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command not in WITHOUT_DATABASE and not {"-h", "--help"} & set(sys.argv):
        try:
            embedded_postgres.hold()
        except embedded_postgres.EmbeddedPostgresError as error:
            embedded_postgres.explain_and_exit(error)
    try:
        execute_from_command_line(sys.argv)
    except DomainError as error:
        sys.exit(f"error: {error}")
    except ImproperlyConfigured as error:
        sys.exit(f"error: {error} {WHAT_IS_MISSING}")


if __name__ == "__main__":
    main()
