"""A real mail server on this machine's loopback, that takes, refuses or hangs as a test wants it."""

import asyncio
import email
import email.policy
import socket
from contextlib import contextmanager

from aiosmtpd.controller import Controller


class MailServer:
    """`mails`: what it took, parsed; `senders`: of each, whom it would report to.

    `refuse`: by address, its answer at RCPT; `at_data`: at the end of each mail; `delay`: seconds in which it thinks
    before; `dies_after`: so many mails, the last without an answer; `before_yes`: done when it has a mail.
    """

    def __init__(self):
        self.mails, self.senders, self.refuse = [], [], {}
        self.at_data, self.delay, self.dies_after = "", 0.0, None
        self.before_yes = lambda: None

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's
        if self.delay:
            await asyncio.sleep(self.delay)
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.at_data and not self.at_data.startswith("250"):
            return self.at_data
        self.senders.append(envelope.mail_from)
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        self.before_yes()
        if self.dies_after == len(self.mails):
            server.transport.abort()
        return self.at_data or "250 OK"

    def to(self, address):
        return [mail for mail in self.mails if mail["To"] == address]


@contextmanager
def listening():
    """One that runs, and its port."""
    own = MailServer()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(own, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield own, port
    finally:
        controller.stop()


@contextmanager
def mail_server(settings):
    """Run one, and have the product send there."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 2
    with listening() as (own, settings.EMAIL_PORT):
        yield own
