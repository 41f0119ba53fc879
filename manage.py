#!/usr/bin/env python
"""Django's command line; starts the private database for the commands that need one."""

import os
import sys

from ondi import command_line, embedded_postgres
from ondi.stop import settings_of_serving

WITHOUT_DATABASE = {
    "--version", "check", "collectstatic", "diffsettings", "help", "make_keys", "makemessages", "makemigrations",
    "spectacular", "version",
}  # fmt: skip
# Who sets one of these knows what to run with; nothing is taken from a `make serve` then.
SET_BY_HAND = {"DEBUG", "SECRET_KEY", "JWT_SIGNING_KEY", "DATABASE_URL", "DATABASE_OWNER_URL"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ondi.settings")
    if not SET_BY_HAND & os.environ.keys():
        os.environ.update(settings_of_serving())
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command not in WITHOUT_DATABASE and not {"-h", "--help"} & set(sys.argv):
        try:
            embedded_postgres.hold()
        except embedded_postgres.EmbeddedPostgresError as error:
            embedded_postgres.explain_and_exit(error)
    sys.exit(command_line.run(sys.argv))


if __name__ == "__main__":
    main()
