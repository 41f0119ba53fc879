"""Asking for a password on the command line."""

import getpass
import sys

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError


def new_password() -> str:
    """A good new password: typed at a terminal, else the first line of the standard input.

    Never an argument, which other users of the machine could read. Raises `CommandError`.
    """
    password = getpass.getpass("New password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        validate_password(password)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    return password
