#!/usr/bin/env python
"""Django's command line; starts the private database for the commands that need one."""

import os
import sys

from ondi import embedded_postgres

WITHOUT_DATABASE = {
    "check", "collectstatic", "diffsettings", "help", "makemessages", "makemigrations", "spectacular", "version",
}  # fmt: skip


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ondi.settings")
    from django.core.management import execute_from_command_line

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command not in WITHOUT_DATABASE and not {"-h", "--help"} & set(sys.argv):
        try:
            embedded_postgres.hold()
        except embedded_postgres.EmbeddedPostgresError as error:
            embedded_postgres.explain_and_exit(error)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
