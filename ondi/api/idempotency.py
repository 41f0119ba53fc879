"""`Idempotency-Key`: a creating request sent again gets its first answer, and its effect happens once.

The answer is stored in the transaction of the effect, so there is never one without the other. It is given again
only to who would be let in still.
"""

import functools
import hashlib
import json
import re
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.api.errors import IdempotencyInProgress, IdempotencyKeyReused
from ondi.api.models import IdempotencyRecord
from ondi.common.errors import DomainError, InvalidInput

KEPT_FOR = timedelta(hours=24)
SECRETS = ("secret", "upload", "download_url", "view_url", "thumbnail_url")  # and signed addresses
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")
Handler = Callable[..., Response]
Refuse = Callable[..., object]
Again = Callable[..., dict[str, Any]]


def idempotent(refuse: Refuse, again: Again | None = None) -> Callable[[Handler], Handler]:
    """Make a view's method honour the header. The view runs inside the request's transaction.

    `refuse(request, kept, **path)` raises what the call raises before it looks at its body and the view's
    permissions do not: 404 of the path, 403. It is asked before a kept answer is given again, and before what is
    wrong with key or body; otherwise the service asks the same. `kept`: the data of the answer that would be shown
    again, if there is one; what the caller may not see of it any more is a refusal too.

    `again(request, kept, **path)`: of an answer that holds a secret, which is not kept: what is said instead of it.
    """
    return lambda handler: _honouring(handler, refuse, again)


def _honouring(handler: Handler, refuse: Refuse, again: Again | None) -> Handler:
    @functools.wraps(handler)
    def honour(view: Any, request: Request, **path: Any) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return handler(view, request, **path)
        caller: Any = request.user
        slot = {
            "tenant_id": caller.tenant_id,
            "user_id": caller.user_id,
            "method": str(request.method),
            "path": request.path,
            "key": key,
        }
        try:
            body_hash = _hash_of(request.data)
            kept = _kept_answer(slot, body_hash)
        except (DomainError, APIException):
            refuse(request, None, **path)
            raise
        if kept:
            refuse(request, kept.data["data"], **path)
            if again:
                kept.data["data"] = again(request, kept.data["data"], **path)
            return kept
        response = handler(view, request, **path)
        if 200 <= response.status_code < 300:
            _keep(slot, body_hash, response)
        return response

    return honour


def _hash_of(data: Any) -> str:
    """Equal JSON has equal hashes, whatever the order of its keys and its white space."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _kept_answer(slot: dict[str, Any], body_hash: str) -> Response | None:
    """The answer this key was given before, if it was; the key is held until the transaction ends.

    Raises `InvalidInput` (no key at all), `IdempotencyInProgress`, `IdempotencyKeyReused`.
    """
    if not _VISIBLE_ASCII.fullmatch(slot["key"]):
        raise InvalidInput({"Idempotency-Key": ["invalid"]})
    _take_lock(slot)
    kept = IdempotencyRecord.objects.filter(**slot, created_at__gt=timezone.now() - KEPT_FOR).first()
    if kept is None:
        return None
    if kept.body_hash != body_hash:
        raise IdempotencyKeyReused
    return Response(kept.response, status=kept.status, headers={"Idempotency-Replayed": "true"})


def _take_lock(slot: dict[str, Any]) -> None:
    """Hold this key until the transaction ends. Raises `IdempotencyInProgress` where another does."""
    name = "\n".join(str(part) for part in slot.values()).encode()
    number = int.from_bytes(hashlib.sha256(name).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not (cursor.fetchone() or [False])[0]:
            raise IdempotencyInProgress


def _keep(slot: dict[str, Any], body_hash: str, response: Response) -> None:
    record = IdempotencyRecord(
        **slot,
        body_hash=body_hash,
        status=response.status_code,
        response=_without_secrets(orjson.loads(orjson.dumps(response.data, default=str))),
        created_at=timezone.now(),
    )
    IdempotencyRecord.objects.bulk_create(
        [record],
        update_conflicts=True,  # one that is older than 24 hours
        unique_fields=list(slot),
        update_fields=["body_hash", "status", "response", "created_at"],
    )


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: None if key in SECRETS else _without_secrets(part) for key, part in value.items()}
    return [_without_secrets(part) for part in value] if isinstance(value, list) else value


def forget_texts_of(*, tenant_id: UUID, row_id: UUID, keys: Collection[str]) -> None:
    """Empty these texts wherever kept answers show the row with this id; for what was taken back."""
    answers = IdempotencyRecord.objects.filter(tenant_id=tenant_id).annotate(words=Cast("response", TextField()))
    for answer in answers.filter(words__contains=str(row_id)):
        _empty(answer.response, str(row_id), keys)
        answer.save(update_fields=["response"])


def _empty(value: Any, row_id: str, keys: Collection[str]) -> None:
    if isinstance(value, dict):
        if value.get("id") == row_id:
            value.update({key: "" for key in keys if key in value})
        for part in value.values():
            _empty(part, row_id, keys)
    elif isinstance(value, list):
        for part in value:
            _empty(part, row_id, keys)
