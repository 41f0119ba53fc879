"""`manage.py` as people meet it: whatever happens, a sentence and an exit code.

A traceback only with `--traceback`, and of what somebody wrote themselves (`shell`) or what is Django's own.
"""

import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ondi.keys import new_keys
from ondi.version import VERSION

INTERRUPTED, NOBODY_READS = 130, 141  # as shells count: 128 and the number of the signal
OURS = ("ondi.", "support", "deliveries", "conversations", "orders")
NOT_OURS = frozenset({"shell"})  # what is run there is somebody's own
WHAT_IS_MISSING = (
    "In development set DEBUG=true, or let `make serve` run on this data folder, whose settings are then taken; "
    "in production set what docs/deploying.md names under Settings."
)
# These need no settings, which are perhaps not made yet. Of `version` Django would say its own.
BEFORE_DJANGO: dict[str, Callable[[], str]] = {
    "version": lambda: f"{VERSION}\n",
    "--version": lambda: f"{VERSION}\n",
    "make_keys": new_keys,
}
# Of PostgreSQL: no such table, function, column.
_NOT_MIGRATED = frozenset({"42P01", "42883", "42703"})


def run(arguments: Sequence[str]) -> int:
    """Run a command; the exit code. `arguments` as in `sys.argv`."""
    _open_what_is_closed()
    try:
        code = _execute(list(arguments))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _forget_output()
        return _told("nobody reads the output any more; it stopped there.", NOBODY_READS)
    except KeyboardInterrupt:
        return _told("interrupted.", INTERRUPTED)
    except Exception as error:  # the outermost: what nobody foresaw is a sentence too
        sentence = _sentence(error)
        if "--traceback" in arguments or not (sentence or _is_ours(arguments)):
            raise
        return _told(sentence or _reason(error), 1)


def _execute(arguments: list[str]) -> int:
    if any("\0" in argument for argument in arguments):
        return _told("an argument holds a NUL character.", 2)
    if len(arguments) == 2 and (say := BEFORE_DJANGO.get(arguments[1])):
        sys.stdout.write(say())
        return 0
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(arguments)
    except SystemExit as end:
        if isinstance(end.code, str):
            return _told(end.code, 1)
        return end.code or 0
    return 0


def _sentence(error: Exception) -> str:
    """What everybody should be told about this, whichever command it was; empty where that is not known."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import InterfaceError, OperationalError, ProgrammingError

    from ondi.common.errors import DomainError

    if isinstance(error, ImproperlyConfigured):
        return f"{error} {WHAT_IS_MISSING}"
    if isinstance(error, DomainError):
        return str(error)
    if isinstance(error, ProgrammingError) and getattr(error.__cause__, "sqlstate", None) in _NOT_MIGRATED:
        return "the database is not what this version needs. Run manage.py migrate first."
    if isinstance(error, OperationalError | InterfaceError):
        return f"the database does not do it: {_reason(error)}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO) and not error.filename:
        return f"the output cannot be written: {_reason(error)}"
    return ""


def _is_ours(arguments: Sequence[str]) -> bool:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import get_commands

    name = arguments[1] if len(arguments) > 1 else ""
    try:
        app: Any = get_commands().get(name, "")
    except ImproperlyConfigured:
        return True
    return name not in NOT_OURS and isinstance(app, str) and app.startswith(OURS)


def _reason(error: Exception) -> str:
    from ondi.datafixes.fixes import is_foreseen, reason

    where = "" if is_foreseen(error) else " Run it with --traceback to see where."
    return f"{reason(error).rstrip('.')}.{where}"


def _told(sentence: str, code: int) -> int:
    sys.stderr.write(f"error: {sentence}\n")
    return code


def _open_what_is_closed() -> None:
    """Standard streams that are closed lead nowhere, and not to what is opened next; odd characters never fail."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = os.O_RDONLY if number == 0 else os.O_WRONLY
            setattr(sys, name, os.fdopen(os.open(os.devnull, mode), "r" if number == 0 else "w"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _forget_output() -> None:
    """Or Python writes what is left at its end, and complains."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
