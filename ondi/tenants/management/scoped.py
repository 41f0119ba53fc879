"""Options of commands in which a person looks at rows by hand: which tenants, and whether to write."""

import sys
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from ondi.tenants.scope import find_tenants


def add_scope_arguments(parser: CommandParser) -> None:
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument("--tenant", action="append", metavar="SLUG", help="See this tenant's rows; repeatable.")
    scope.add_argument("--all-tenants", action="store_true", help="See every tenant's rows.")
    parser.add_argument("--write", action="store_true", help="Let it write; read-only without.")


def chosen_scope(options: dict[str, Any]) -> list[UUID] | None:
    """The tenants asked for, None for no scope at all, of which a person is told. Raises `CommandError`."""
    if not options["tenant"] and not options["all_tenants"]:
        if options["write"]:
            raise CommandError("--write goes with --tenant or --all-tenants.")
        if sys.stdin.isatty():
            sys.stderr.write(
                "No tenant is in scope, so the tables of tenants look empty (row-level security). "
                "Start again with --tenant SLUG or --all-tenants.\n"
            )
        return None
    tenants = find_tenants(*(options["tenant"] or ()))
    if unknown := set(options["tenant"] or ()) - set(tenants):
        raise CommandError(f"There is no tenant {', '.join(sorted(unknown))}.")
    return list(tenants.values())
