"""A form that makes something is good for once: a double click or the back button makes nothing twice.

Its hidden `form_id` (the tag of that name) is kept beside the API's idempotency keys, in the transaction of its effect.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from ondi.api.models import IdempotencyRecord
from ondi.common.ids import parse_id
from ondi.staff.entry import staff_at

FORM_ID = "form_id"
LOCATION = "location"


@dataclass(slots=True)
class Sending:
    """`location`: where the form led, once it did what it is for; while it is empty, nothing counts as sent."""

    location: str = ""


class SentBefore(Exception):
    """This form did its work already, at `location`; `is_same`: with the same words."""

    def __init__(self, location: str, *, is_same: bool) -> None:
        super().__init__(location)
        self.location, self.is_same = location, is_same

    def answer(self, request: HttpRequest) -> HttpResponse:
        """To where it led the first time, and a sentence."""
        messages.info(request, _("This was sent already; it is not sent twice."))
        return redirect(self.location)


@contextmanager
def sent_once(request: HttpRequest, *, tenant_id: UUID, said: Mapping[str, Any]) -> Iterator[Sending]:
    """Around what a form does, in a savepoint of its own. `said`: what its person chose and typed.

    A second sending waits for the first to end. Raises `SentBefore`. A form without an id is let through.
    """
    sending, key = Sending(), parse_id(request.POST.get(FORM_ID))
    with transaction.atomic():
        record = _claimed(request, tenant_id, str(key), said) if key else None
        yield sending
        if record and sending.location:
            record.response = {LOCATION: sending.location}
            record.save(update_fields=["response"])
        elif record:
            record.delete()


def was_sent(*, tenant_id: UUID, user_id: UUID, form_id: UUID) -> bool:
    """Whether this person's form did its work."""
    return _records(tenant_id, user_id, form_id).exists()


def forget_sending(*, tenant_id: UUID, user_id: UUID, form_id: UUID) -> None:
    """What this person's form did is taken back: it can be sent again."""
    _records(tenant_id, user_id, form_id).delete()


def _records(tenant_id: UUID, user_id: UUID, form_id: UUID) -> QuerySet[IdempotencyRecord]:
    return IdempotencyRecord.objects.filter(tenant_id=tenant_id, user_id=user_id, method="POST", key=str(form_id))


def _claimed(request: HttpRequest, tenant_id: UUID, key: str, said: Mapping[str, Any]) -> IdempotencyRecord:
    words = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
    record, is_new = IdempotencyRecord.objects.get_or_create(
        tenant_id=tenant_id,
        user_id=staff_at(request).user.id,
        method="POST",
        path=request.path,
        key=key,
        defaults={"body_hash": words, "status": 302, "response": {}, "created_at": timezone.now()},
    )
    if not is_new:
        raise SentBefore(record.response[LOCATION], is_same=record.body_hash == words)
    return record
