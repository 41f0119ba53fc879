"""What a check records: of bytes that are not those announced, of a file that is gone, on a busy machine."""

import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from ondi.common.ids import new_id
from ondi.files import checking, examining
from ondi.files.checking import Checked, check_due, record
from ondi.files.examining import ROOT, Verdict
from ondi.files.models import StoredFile
from ondi.files.services import delete_draft
from ondi.files.storage import store
from ondi.tenants.scope import tenant_scope
from support.publishing import ATTACHMENT_CHECKED
from support.services import post_message, redact_ticket_message, write_note
from tests.factories import MemberFactory, actor, make_file, make_ticket
from tests.files.corpus import saved
from tests.races import held_up

pytestmark = pytest.mark.django_db(transaction=True)
JPEG = "image/jpeg"


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


@pytest.fixture
def file(customer):
    return make_file(customer, state="checking")


def now(file):
    with tenant_scope(file.tenant_id):
        return StoredFile.objects.values_list("state", "reason").get(id=file.id)


def change(file, **values):
    with tenant_scope(file.tenant_id):
        StoredFile.objects.filter(id=file.id).update(**values)
        file.refresh_from_db()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "malformed"),
        (b"It was", "malformed"),
        (b"It was brokeN.", "malformed"),
        (b"It was broken. x", "too_large"),
    ],
)
def test_bytes_that_are_not_those_announced_are_refused(stores, tmp_path, file, body, reason):
    store().delete([file.upload_key])
    if body is not None:
        other = tmp_path / "other"
        other.write_bytes(body)
        store().save(file.upload_key, other, content_type="text/plain")

    assert check_due() == 1

    assert now(file) == ("refused", reason)


def test_what_the_scanner_names_is_refused_and_what_it_is_silent_on_goes_on(disk, clamd, file, customer, settings):
    settings.FILES_SCANNER, says, _got = clamd
    says[0] = b"stream: Own.Eicar FOUND\0"
    assert check_due() == 1
    assert now(file) == ("refused", "infected")

    says[0], clean = b"stream: OK\0", make_file(customer, state="checking")
    assert check_due() == 1
    assert now(clean) == ("ready", "")


def test_a_file_that_was_deleted_during_its_check_stays_deleted(disk, customer, file):
    change(file, attempts=1)
    with tenant_scope(file.tenant_id):
        delete_draft(actor=actor(customer), file_id=file.id)

    assert not record(file, Checked(Verdict(content_type="text/plain", size=1), "", new_id(), 1), timezone.now())

    assert now(file) == ("removed", "")


def recorded_after(file, change):
    """Whether a check is recorded that waits for what `change` locked, once that is committed."""
    checked = Checked(Verdict(content_type="text/plain", size=1), "", new_id(), 1)
    with ExitStack() as held:
        held.enter_context(tenant_scope(file.tenant_id))
        change()
        with held_up(lambda: record(file, checked, timezone.now()), connection.connection) as running:
            held.close()
    return running.result()


def send(customer, file, ticket):
    return post_message(
        actor=actor(customer), conversation_id=ticket.conversation_id, content="", attachment_ids=[file.id]
    )


def test_a_file_that_is_taken_back_while_its_check_waits_for_the_ticket_stays_gone(disk, customer, file):
    change(file, attempts=1)
    ticket, lead = make_ticket(customer), MemberFactory(tenant=customer.tenant, lead=True)
    with tenant_scope(file.tenant_id):
        message = send(customer, file, ticket)
        file.refresh_from_db()

    redacts = lambda: redact_ticket_message(actor=actor(lead), ticket_id=ticket.id, message_id=message.id)  # noqa: E731
    assert not recorded_after(file, redacts)

    assert now(file) == ("removed", "")


def test_a_draft_that_is_sent_while_its_check_waits_is_recorded_and_published(disk, owner, customer, file):
    change(file, attempts=1)
    ticket = make_ticket(customer)

    assert recorded_after(file, lambda: send(customer, file, ticket))

    assert now(file) == ("ready", "")
    published = owner().execute("SELECT subject_id FROM outbox_entry WHERE kind = %s", [ATTACHMENT_CHECKED])
    assert published.fetchall() == [(ticket.id,)]


def test_a_file_of_a_note_is_published_with_its_note(disk, owner, customer, tenant):
    agent = MemberFactory(tenant=tenant, agent=True)
    file, ticket = make_file(agent, state="checking"), make_ticket(customer)
    with tenant_scope(tenant.id):
        note = write_note(actor=actor(agent), ticket_id=ticket.id, content="", attachment_ids=[file.id])

    assert check_due() == 1

    published = owner().execute("SELECT data ->> 'note_id' FROM outbox_entry WHERE kind = %s", [ATTACHMENT_CHECKED])
    assert published.fetchall() == [(str(note.id),)]


def test_a_picture_first_waits_for_a_spare_moment_and_then_no_more(disk, file, tmp_path, monkeypatch):
    """Given a machine that leaves nothing to those that take what is left."""
    photo = tmp_path / "photo"
    photo.write_bytes(saved(JPEG))
    store().save(file.upload_key, photo, content_type=JPEG)
    change(file, content_type=JPEG, size=photo.stat().st_size, sha256="", file_name="photo.jpg")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase "$*" in *idle) exec sleep 9;; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o700)
    monkeypatch.setattr(examining.sys, "executable", str(python))

    with monkeypatch.context() as short:
        short.setattr(examining, "SECONDS", 0.5)
        assert check_due() == 1
    assert now(file) == ("checking", "")
    assert check_due(at=timezone.now() + timedelta(seconds=checking.PAUSES[0])) == 1

    assert now(file) == ("ready", "")


@pytest.mark.parametrize(("idle", "policy", "nice"), [(True, os.SCHED_IDLE, 19), (False, os.SCHED_OTHER, 10)])
def test_others_work_goes_before_pictures(idle, policy, nice):
    code = (
        "import os; from ondi.files.imaging import bound; "
        f"bound(idle={idle}); print(os.sched_getscheduler(0), os.nice(0))"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert said.split() == [str(policy), str(max(nice, os.nice(0)))]
