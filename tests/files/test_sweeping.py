"""Bytes go when nobody may have them any more, and never while a row names them."""

import os
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from ondi.common.ids import new_id
from ondi.files import sweeping
from ondi.files.arriving import take_upload
from ondi.files.backends import files_storage
from ondi.files.checking import Checked, check_due, record
from ondi.files.errors import AttachmentNotFound
from ondi.files.examining import Verdict
from ondi.files.models import MAIN, State, StoredFile, incoming_key, stored_key
from ondi.files.services import attach, delete_draft, drafts_to_send
from ondi.files.storage import Disk, StoreAway, store
from ondi.files.sweeping import delete_unnamed, sweep, unnamed
from ondi.outbox.models import Installation
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from support.services import post_message
from tests.factories import MemberFactory, TenantFactory, actor, make_file, make_ticket

pytestmark = pytest.mark.django_db(transaction=True)
DAY, LATER = timedelta(hours=24), timedelta(hours=3)


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


@pytest.fixture
def there(tmp_path):
    """Put bytes under a key, as old as said."""

    def put(key, old=LATER):
        source = tmp_path / "bytes"
        source.write_bytes(b"x")
        store().save(key, source, content_type="text/plain")
        if isinstance(store(), Disk):
            when = (timezone.now() - old).timestamp()
            os.utime(store().path(key), (when, when))
        return key

    return put


def rows(tenant):
    with tenant_scope(tenant.id):
        return {file.id: file.state for file in StoredFile.objects.all()}


def keys():
    return {one.key for one in store().listing()}


def removed(customer, **of):
    file = make_file(customer, **of)
    with tenant_scope(customer.tenant_id):
        delete_draft(actor=actor(customer), file_id=file.id)
    return file


def sent(customer, file):
    ticket = make_ticket(customer)
    with tenant_scope(customer.tenant_id):
        post_message(
            actor=actor(customer), conversation_id=ticket.conversation_id, content="", attachment_ids=[file.id]
        )
    return ticket


def test_drafts_that_nobody_sent_go_after_a_day(stores, customer):
    drafts = {state: make_file(customer, state=state) for state in ("waiting", "checking", "ready", "refused")}
    kept = make_file(customer)
    sent(customer, kept)
    created = min(file.created_at for file in drafts.values()) + DAY

    assert sweep(at=created) == 0
    assert set(rows(customer.tenant)) == {kept.id, *(file.id for file in drafts.values())}

    assert sweep(at=timezone.now() + DAY) == 4
    assert rows(customer.tenant) == {kept.id: "ready"}
    assert keys() == {kept.stored_key()}


def test_what_was_removed_goes_of_every_tenant_whatever_became_of_it(stores):
    people = [MemberFactory(tenant=TenantFactory()) for _number in range(3)]
    files = [removed(person) for person in people]
    with tenant_scope(people[0].tenant_id):
        Tenant.objects.filter(id=people[0].tenant_id).update(status="suspended")
    assert keys() == {file.stored_key() for file in files}

    assert sweep() == 3

    assert keys() == set()
    assert [rows(person.tenant) for person in people] == [{}, {}, {}]


def test_more_than_a_piece_goes_too(disk, customer, monkeypatch):
    monkeypatch.setattr(sweeping, "AT_ONCE", 2)
    for _number in range(5):
        make_file(customer)

    assert sweep(at=timezone.now() + DAY) == 5
    assert (rows(customer.tenant), keys()) == ({}, set())


def test_where_the_store_is_away_rows_stay_and_are_tried_again(use_files, customer, tmp_path):
    use_files(files_storage(directory=tmp_path / "here"))
    gone = removed(customer)
    (tmp_path / "here").rename(tmp_path / "elsewhere")

    with pytest.raises(StoreAway):
        sweep()
    assert rows(customer.tenant) == {gone.id: "removed"}

    (tmp_path / "elsewhere").rename(tmp_path / "here")
    assert sweep() == 1
    assert (rows(customer.tenant), keys()) == ({}, set())


def test_killed_between_bytes_and_row_nothing_is_left(stores, customer):
    gone = removed(customer)
    store().delete([gone.stored_key()])  # and then it was killed

    assert sweep() == 1
    assert rows(customer.tenant) == {}


def test_an_undo_finds_another_row_once_its_bytes_are_being_deleted(use_files, customer, tmp_path):
    """A data fix keeps images; one that was taken to be deleted is none of them any more."""
    use_files(files_storage(directory=tmp_path / "here"))
    gone = removed(customer)
    with tenant_scope(customer.tenant_id):
        image = StoredFile.objects.filter(id=gone.id).values().get()
    (tmp_path / "here").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreAway):
        sweep()

    with tenant_scope(customer.tenant_id):
        assert StoredFile.objects.filter(id=gone.id).values().get() != image


def test_a_draft_that_is_being_sent_stays(disk, customer):
    draft = make_file(customer)
    later = timezone.now() + DAY
    sent(customer, draft)

    assert sweep(at=later) == 0
    assert rows(customer.tenant) == {draft.id: "ready"}


def test_a_draft_that_went_cannot_be_sent(disk, customer):
    draft = make_file(customer)
    with tenant_scope(customer.tenant_id):
        about_to_be_sent = drafts_to_send(actor(customer), [draft.id])
    sweep(at=timezone.now() + DAY)

    with tenant_scope(customer.tenant_id), pytest.raises(AttachmentNotFound):
        attach(about_to_be_sent, "message", new_id())


def test_bytes_that_no_row_names_go_and_those_that_one_names_stay(disk, customer, there):
    tenant_id = customer.tenant_id
    waiting, checking = (make_file(customer, state=state) for state in ("waiting", "checking"))
    ready = make_file(customer)
    named = {there(waiting.upload_key), there(checking.upload_key), there(ready.stored_key())}
    named |= {there(ready.stored_key("view")), there(ready.stored_key("thumbnail"))}
    young = {
        there(incoming_key(tenant_id, new_id()), old=timedelta(hours=1)),
        there(stored_key(tenant_id, new_id(), MAIN), old=timedelta(hours=1)),
    }
    late = there(ready.upload_key)  # came when the file was ready already
    left = {there(incoming_key(tenant_id, new_id())), there(stored_key(tenant_id, new_id(), MAIN)), late}

    assert {one.key for one in unnamed(tenant_id)} == left
    assert delete_unnamed() == 3
    assert keys() == named | young


def test_bytes_that_no_row_names_go_from_a_bucket_too(stores, customer, there):
    file = make_file(customer)
    there(file.upload_key)
    there(incoming_key(customer.tenant_id, new_id()))

    assert delete_unnamed(at=timezone.now() + LATER) == 2
    assert keys() == {file.stored_key()}


def test_a_place_that_others_use_too_keeps_what_is_theirs(stores, customer, there):
    """Another installation's tenants, or another program, in the same bucket."""
    theirs = {there(stored_key(new_id(), new_id(), MAIN)), there("pictures/cat"), there("kept/x")}

    assert delete_unnamed(at=timezone.now() + LATER) == 0
    assert keys() == theirs


def test_what_broken_uploads_left_goes(disk):
    old, young = (disk.temporary(f"incoming/{name}") for name in ("old", "young"))
    when = (timezone.now() - LATER).timestamp()
    os.utime(old, (when, when))

    assert delete_unnamed() == 1
    assert (old.exists(), young.exists()) == (False, True)


def test_a_copy_of_the_database_deletes_nothing_of_the_original(stores, customer, there, settings):
    """Given a database restored elsewhere that points at the same place, when it sweeps, all the original has stays."""
    gone, draft, checking = removed(customer), make_file(customer), make_file(customer, state="checking")
    since = there(stored_key(customer.tenant_id, new_id(), MAIN))  # the original's, of after the backup
    before = keys()
    settings.INSTALLATION = "elsewhere"
    later = timezone.now() + DAY

    assert (sweep(at=later), delete_unnamed(at=later)) == (0, 0)
    assert check_due() == 1
    assert before <= keys()
    assert rows(customer.tenant) == {gone.id: "removed", draft.id: "ready", checking.id: "ready"}

    settings.INSTALLATION = Installation.objects.get().name
    assert sweep(at=later) == 3
    assert delete_unnamed(at=later) == 1
    assert since not in keys()


def test_who_was_frozen_so_long_that_their_work_was_swept_records_nothing(disk, customer):
    file = make_file(customer, state="checking")
    taken = partial(StoredFile.objects.filter(id=file.id).update, attempts=1)
    with tenant_scope(customer.tenant_id):
        taken(next_at=timezone.now())
        file.refresh_from_db()
    checked = Checked(Verdict(content_type="text/plain", size=1), "", new_id(), 1)

    assert not record(file, checked, timezone.now() + timedelta(hours=2))
    assert rows(customer.tenant) == {file.id: State.CHECKING}
    assert record(file, checked, timezone.now())
    assert rows(customer.tenant) == {file.id: State.READY}


def test_a_check_that_ends_where_the_store_is_gone_is_recorded(use_files, customer, tmp_path):
    use_files(files_storage(directory=tmp_path / "here"))
    file = make_file(customer, state="checking")
    (tmp_path / "here").rename(tmp_path / "elsewhere")

    assert record(file, Checked(Verdict(reason="infected")), timezone.now())
    assert rows(customer.tenant) == {file.id: State.REFUSED}


def test_an_upload_that_comes_while_its_draft_goes_is_left_over(disk, customer, there):
    draft = make_file(customer, state="waiting")
    upload_id = new_id()
    there(incoming_key(customer.tenant_id, upload_id))
    sweep(at=timezone.now() + DAY)

    with tenant_scope(customer.tenant_id):
        assert not take_upload(tenant_id=customer.tenant_id, file_id=draft.id, upload_id=upload_id, sha256="0" * 64)
    assert delete_unnamed() == 1
