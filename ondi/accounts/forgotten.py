"""Forgotten passwords: anybody asks, for any address, and hears the same; a link goes to the address alone.

What the answer must not tell is found out after it: `mailer` looks the address up and has the mail sent. What it has
not looked up when its process ends is lost, and asked for again.
"""

import queue
import threading
from collections.abc import Callable
from functools import partial

import structlog
from django.conf import settings
from django.db import connection

from ondi.accounts.attempts import count_attempt, limits_of
from ondi.accounts.entering import tenants_of
from ondi.accounts.errors import InvitationInvalid, SignInThrottled
from ondi.accounts.invitations import accept_invitation, may_be_invited
from ondi.accounts.links import Purpose
from ondi.accounts.models import Membership, User
from ondi.accounts.querysets import normalize_email
from ondi.accounts.signals import reset_asked
from ondi.common.errors import InvalidInput
from ondi.common.text import is_storable
from ondi.tenants.models import Tenant
from ondi.tenants.scope import find_tenants, tenant_scope

logger = structlog.get_logger("ondi.mail")


class Mailer:
    """One thread a process, started when there is something to do; beyond `WAITING` nothing more is taken."""

    WAITING = 200

    def __init__(self) -> None:
        self._jobs: queue.Queue[Callable[[], None]] = queue.Queue(self.WAITING)
        self._lock, self._thread = threading.Lock(), threading.Thread()

    def put(self, job: Callable[[], None]) -> None:
        """Do this soon. It may be left undone, which is in the log."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            logger.warning("mail_left_undone")
        with self._lock:
            if not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="mailer", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Until all that was put in is done."""
        self._jobs.join()

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception as error:  # noqa: BLE001 - one mail must not hold up the next
                logger.warning("mail_failed", kind=type(error).__name__)
            finally:
                connection.close()
                self._jobs.task_done()


mailer = Mailer()


def ask_for_reset(*, network: str, email: str, tenant_slug: str | None, site: str) -> SignInThrottled | None:
    """Mail a link of one hour to this address, if it is somebody's, or the refusal: asking counts as a failed sign-in.

    Takes the same statements for everybody. `site`: the beginning of the link, as `https://support.example`.
    """
    email = normalize_email(email) or ""
    limits = limits_of(network=network, email=email)
    counted = limits if isinstance(limits, SignInThrottled) else count_attempt(limits)
    if isinstance(counted, SignInThrottled):
        return counted
    if settings.MAIL_IS_SENT:
        mailer.put(partial(_ask, email, tenant_slug, site))
    return None


def reset_password(*, token: str, new_password: str) -> None:
    """Another password by a link that was asked for. Raises `InvalidInput` on the field at fault."""
    try:
        accept_invitation(token=token, password=new_password, purposes=(Purpose.RESET,))
    except InvitationInvalid as error:
        raise InvalidInput({"token": ["invalid"]}) from error
    except InvalidInput as error:
        raise InvalidInput({"new_password": ["invalid"]}) from error


def _ask(email: str, tenant_slug: str | None, site: str) -> None:
    """Have the mail for this address sent; nothing for who may not sign in with it, here or at all.

    For somebody who signs in, and where the tenant is named also for its person who waits. Platform operators
    set theirs on the command line.
    """
    if not is_storable(email + (tenant_slug or "")):
        return
    login = User.objects.filter(email=email, is_active=True, is_superuser=False).first()
    lets_in = tenants_of(login.id) if login is not None else []
    tenant_ids = {tenant["slug"]: tenant["id"] for tenant in lets_in}
    if login is not None and (tenant_slug in tenant_ids or (tenant_slug is None and tenant_ids)):
        with tenant_scope(tenant_ids[tenant_slug] if tenant_slug else lets_in[0]["id"]):
            member = Membership.objects.for_list().filter(user=login).get()
            reset_asked.send(Membership, membership=member, site=site)
        return
    tenant_id = find_tenants(tenant_slug).get(tenant_slug) if tenant_slug else None
    if tenant_id is None:
        return
    with tenant_scope(tenant_id):
        waiting = Membership.objects.in_tenants([tenant_id]).filter(email=email, tenant__status=Tenant.Status.ACTIVE)
        found = waiting.for_list().first()
        if found is not None and may_be_invited(found, found.user):
            reset_asked.send(Membership, membership=found, site=site)
