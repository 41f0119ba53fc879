"""What `check --deploy` warns of: processes that are not there."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Warned
from django.db import DatabaseError

from ondi.outbox.beats import ALIVE_FOR, alive

KINDS = {"work": "nothing is numbered, mailed or called", "stream": "pages ask every few seconds, and no file opens"}


@register(deploy=True)
def processes_are_there(**_options: Any) -> Sequence[CheckMessage]:
    try:
        missing = [kind for kind in KINDS if not alive(kind)]
    except DatabaseError:
        text = "The database cannot be asked whether the work and stream processes run."
        return [Warned(text, id="ondi.W010")]
    return [
        Warned(
            f"No {kind} process has said anything for {ALIVE_FOR.seconds} s: {KINDS[kind]}. Start manage.py {kind}.",
            id="ondi.W011",
        )
        for kind in missing
    ]
