"""Mails of a development machine: kept in a folder instead of sent, and shown in a browser. Never in production."""

import email
import email.policy
from collections.abc import Sequence
from email.message import EmailMessage as Parsed
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from ondi.common.ids import new_id, parse_id

KEPT = 200


class LocalMailbox(BaseEmailBackend):
    """A file a mail, named so that the newest comes last; the oldest go."""

    def open(self) -> bool:
        return False

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            (folder / f"{new_id()}.eml").write_bytes(message.message().as_bytes())
        for old in sorted(folder.glob("*.eml"))[:-KEPT]:
            old.unlink(missing_ok=True)
        return len(email_messages)


def mailbox(request: HttpRequest) -> HttpResponse:
    """The newest first."""
    files = sorted(_folder().glob("*.eml"), reverse=True)
    return render(request, "notifications/mailbox.html", {"mails": [(one.stem, _read(one)) for one in files]})


def mailbox_mail(request: HttpRequest, mail_id: str, part: str) -> HttpResponse:
    """One part of a mail: `html`, `text`, or `source` as it was sent."""
    file = _folder() / f"{parse_id(mail_id)}.eml"
    if not file.is_file():
        raise Http404
    if part == "source":
        return HttpResponse(file.read_bytes(), content_type="text/plain; charset=utf-8")
    body = _read(file).get_body(("html" if part == "html" else "plain",))
    if body is None:
        raise Http404
    return HttpResponse(body.get_content(), content_type=f"text/{'html' if part == 'html' else 'plain'}; charset=utf-8")


def _read(file: Path) -> Parsed:
    found = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert isinstance(found, Parsed)
    return found


def _folder() -> Path:
    assert settings.LOCAL_MAILBOX is not None, "only where mails are kept here"
    return settings.LOCAL_MAILBOX
