"""Whose files are whose: what files are sent with stands in the apps above, which say who may read it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ondi.accounts.actors import Actor
from ondi.files.models import StoredFile


@dataclass(frozen=True, slots=True)
class Rule:
    """`may_read(actor, kind, parent_id)`: whether they may read what this file was sent with; with its tenant in scope.

    `lock(file)`: lock what a file's parent is part of, before the file itself. `checked(file, at)`: publish that what
    is known of a file that was sent has changed; in the transaction of that change.
    """

    may_read: Callable[[Actor, str, UUID], bool]
    lock: Callable[[StoredFile], None]
    checked: Callable[[StoredFile, datetime], None]


_rules: list[Rule] = []


def register(rule: Rule) -> None:
    """Let this rule decide, in place of one that was registered before."""
    _rules[:] = [rule]


def rule() -> Rule:
    """The rule that decides. Raises `ValueError` where no app registered one."""
    (found,) = _rules
    return found


def may_read(actor: Actor, file: StoredFile) -> bool:
    """A draft is its uploader's alone; what was sent is open to who may read what it was sent with."""
    if file.parent_id is None:
        return actor.membership_id is not None and file.uploader_id == actor.membership_id
    return rule().may_read(actor, file.parent_kind, file.parent_id)
