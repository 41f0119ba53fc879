"""Handing mails to a server: SMTP, or a provider's API through anymail. What it answers, in four words."""

import smtplib
from enum import Enum
from types import TracebackType
from typing import Any, Self

import structlog
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.core.mail import EmailMultiAlternatives, get_connection

log = structlog.get_logger(__name__)


class Answer(Enum):
    """`LATER`: this mail, not now; `NO_SUCH_ADDRESS`: never to this address; `REJECTED`: never this mail."""

    SENT = "sent"
    LATER = "later"
    NO_SUCH_ADDRESS = "refused"
    REJECTED = "rejected"


class MailServerTrouble(Exception):
    """The server cannot be had, or takes no mail from us at all; says nothing of the mail in hand."""


class Transport:
    """A connection to the server, opened with the first mail."""

    def __init__(self) -> None:
        self._connection: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()

    def send(self, message: EmailMultiAlternatives) -> Answer:
        """Hand it over. Raises `MailServerTrouble`; then it may have been taken all the same."""
        try:
            if self._connection is None:
                self._connection = get_connection()
                self._connection.open()
            self._connection.send_messages([message])
        except smtplib.SMTPRecipientsRefused as error:
            ((code, _said),) = error.recipients.values()
            return _answer(code, Answer.NO_SUCH_ADDRESS)
        except smtplib.SMTPDataError as error:
            return _answer(error.smtp_code, Answer.REJECTED)
        except AnymailRecipientsRefused:
            return Answer.NO_SUCH_ADDRESS
        except AnymailAPIError as error:
            if error.status_code is None or error.status_code >= 500 or error.status_code in (401, 403, 429):
                raise MailServerTrouble(type(error).__name__) from error
            return Answer.REJECTED
        except AnymailError as error:
            raise MailServerTrouble(type(error).__name__) from error
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerTrouble(type(error).__name__) from error
        except Exception as error:  # noqa: BLE001 - what one mail cannot be put into holds up no other
            log.warning("mail_not_sent", kind=type(error).__name__)
            return Answer.LATER
        return Answer.SENT


def _answer(code: int, for_good: Answer) -> Answer:
    return for_good if code >= 500 else Answer.LATER
