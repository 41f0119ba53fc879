"""Mails: queued with what they are about, judged and written when they are tried, sent outside of any transaction.

A try takes a mail for `LEASE` and counts up its `attempts`; what came of it is recorded under that number. Killed in
between, the mail is tried again when the lease ends, and bears the same Message-ID.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.utils import timezone

from ondi.api.errors import DATABASE_IS_AWAY
from ondi.notifications.addresses import REFUSED, is_suppressed, suppress
from ondi.notifications.letters import Envelope, Letter, message_of
from ondi.notifications.models import Dispatch, Mail
from ondi.notifications.senders import Sender, sender_now
from ondi.notifications.transport import Answer, MailServerTrouble, Transport
from ondi.outbox.outgoing import Outgoing, due_by_tenant, gate
from ondi.tenants.scope import tenant_scope

LEASE = timedelta(minutes=10)
USELESS_AFTER = timedelta(hours=24)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
AT_ONCE = 50
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Drop:
    """There is nothing to send any more, and why, in a code."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """Not before then."""

    at: datetime


Write = Callable[[Mail, datetime], Letter | Drop | Later]
_WRITERS: dict[str, Write] = {}


def writes(purpose: str) -> Callable[[Write], Write]:
    """Register what writes the mails of this purpose, in the transaction that takes them for a try."""

    def register(write: Write) -> Write:
        _WRITERS[purpose] = write
        return write

    return register


def queue_mail(
    *,
    tenant_id: UUID,
    membership_id: UUID,
    purpose: str,
    subject_id: UUID | None = None,
    data: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> Mail:
    """Have a mail written and sent to this person, soon. Needs the tenant in scope."""
    at = at or timezone.now()
    return Mail.objects.create(
        tenant_id=tenant_id,
        membership_id=membership_id,
        purpose=purpose,
        subject_id=subject_id,
        data=data or {},
        created_at=at,
        next_at=at,
    )


@dataclass(frozen=True, slots=True)
class Try:
    """A mail that is this process's until its lease ends."""

    mail: Mail
    message: EmailMultiAlternatives


class Mailing:
    """Sends mails, turn by turn. To be used by one thread."""

    def __init__(self) -> None:
        self._answers: deque[tuple[UUID, Try, Answer, datetime]] = deque()

    def turn(self, *, at: datetime | None = None) -> int:
        """Send the mails that are due, a few of each tenant at a time; how many were looked at.

        What the server said while the database is away is recorded in a later turn, so that nothing goes out twice for
        it. Raises `MailServerTrouble` where the server takes none: those that were taken wait for the next turn.
        """
        self._record_answers()
        looked_at = 0
        with Transport() as transport:
            for tenant_id, keys in due_by_tenant(gate(Outgoing.EMAIL), "ondi_mails_due", at or timezone.now(), AT_ONCE):
                looked_at += len(keys)
                taken_at = at or timezone.now()  # a slow server makes turns long; a lease begins when a mail is taken
                tries = _take(tenant_id, keys, taken_at)
                for number, one in enumerate(tries):
                    if not gate(Outgoing.EMAIL).lets_out(tenant_id):
                        _put_back(tenant_id, tries[number:], taken_at)
                        break
                    try:
                        answer = transport.send(one.message)
                    except MailServerTrouble:
                        _put_back(tenant_id, tries[number:], (at or timezone.now()) + FIRST_PAUSE)
                        raise
                    self._answers.append((tenant_id, one, answer, at or timezone.now()))
                    self._record_answers()
        return looked_at

    def _record_answers(self) -> None:
        while self._answers:
            try:
                _record(*self._answers[0])
            except DATABASE_IS_AWAY:
                raise
            except Exception:
                self._answers.popleft()
                raise
            self._answers.popleft()


def send_due(*, at: datetime | None = None) -> int:
    """One turn alone, as `Mailing.turn`. For tests and commands."""
    return Mailing().turn(at=at)


def _take(tenant_id: UUID, keys: Sequence[UUID], at: datetime) -> list[Try]:
    """Those of them that are to be sent now, each judged again. Locks them, passing over those that others hold."""
    tries = []
    with tenant_scope(tenant_id):
        sender = sender_now(tenant_id)
        waiting = Mail.objects.in_tenants([tenant_id]).due(at).filter(id__in=keys)
        mails = list(waiting.select_related("membership__user", "membership__tenant").free())
        for mail in mails:
            mail.attempts += 1
            match _written(mail, sender, at):
                case Drop(reason):
                    _settle(mail, Mail.State.DROPPED, reason, at)
                case Later(until):
                    mail.next_at = until
                case message:
                    mail.next_at = at + LEASE
                    tries.append(Try(mail, message))
        Mail.objects.bulk_update(mails, ["attempts", "next_at", "state", "reason"])
    return tries


def _written(mail: Mail, sender: Sender, at: datetime) -> EmailMultiAlternatives | Drop | Later:
    if reason := _reason_against(mail, at):
        return Drop(reason)
    try:
        with transaction.atomic():
            letter = _WRITERS[mail.purpose](mail, at)
            return letter if not isinstance(letter, Letter) else _addressed(mail, letter, sender)
    except Exception as error:  # noqa: BLE001 - one that cannot be written holds up no other
        log.warning("mail_not_written", mail=str(mail.id), purpose=mail.purpose, kind=type(error).__name__)
        return Later(at + _pause(mail.attempts))


def _addressed(mail: Mail, letter: Letter, sender: Sender) -> EmailMultiAlternatives | Drop:
    to = letter.to or mail.membership.email
    if not to:
        return Drop("no_address")
    if is_suppressed(tenant_id=mail.tenant_id, address=to):
        return Drop("suppressed")
    return message_of(letter, Envelope(mail.id, mail.tenant_id, to, sender))


def _reason_against(mail: Mail, at: datetime) -> str:
    """Why it goes to nobody, in a code; empty where it may go."""
    if not settings.MAIL_IS_SENT:
        return "not_configured"
    if mail.membership.ended_at is not None:
        return "left"
    return "too_old" if at - mail.created_at > USELESS_AFTER else ""


def _record(tenant_id: UUID, one: Try, answer: Answer, at: datetime) -> None:
    """What the server said; nothing where another try has begun meanwhile."""
    mail = one.mail
    with tenant_scope(tenant_id):
        own = Mail.objects.in_tenants([tenant_id]).filter(id=mail.id, attempts=mail.attempts, state="waiting")
        if not own.locked().exists():
            return
        if answer is Answer.LATER:
            mail.next_at = at + _pause(mail.attempts)
        elif answer is Answer.SENT:
            mail.sent_at = at
            _settle(mail, Mail.State.SENT, "", at)
        else:
            if answer is Answer.NO_SUCH_ADDRESS:
                suppress(tenant_id=tenant_id, address=one.message.to[0], reason=REFUSED)
            _settle(mail, Mail.State.DROPPED, answer.value, at)
        mail.save(update_fields=["state", "reason", "next_at", "sent_at"])


def _settle(mail: Mail, state: Mail.State, reason: str, at: datetime) -> None:
    """Sent or dropped, and so is all that it was to tell."""
    mail.state, mail.reason = state, reason
    told = Dispatch.objects.in_tenants([mail.tenant_id]).filter(mail=mail, state=Dispatch.State.IN_MAIL)
    is_sent = state is Mail.State.SENT
    told.update(state=Dispatch.State.DONE if is_sent else Dispatch.State.DROPPED, reason=reason, done_at=at)


def _put_back(tenant_id: UUID, tries: Sequence[Try], until: datetime) -> None:
    """They were not tried, and are anybody's from then on."""
    with tenant_scope(tenant_id):
        for one in tries:
            own = Mail.objects.in_tenants([tenant_id]).filter(id=one.mail.id, attempts=one.mail.attempts)
            own.filter(state="waiting").update(next_at=until)


def _pause(attempts: int) -> timedelta:
    longer: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, 10)
    return min(longer, LONGEST_PAUSE)
