"""What becomes of files when a person is exported or erased, a ticket purged, and a quota set."""

import io
import json
import os
import zipfile
from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from conversations.models import Conversation, Message
from ondi.files.checking import check_due
from ondi.files.errors import StorageQuotaExceeded
from ondi.files.models import StoredFile
from ondi.files.services import announce_file, room_of
from ondi.files.storage import store
from ondi.files.sweeping import delete_unnamed, sweep
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from support.fixes.doctor import examine
from support.models import Ticket, TicketNote
from support.services import close_ticket, post_message, write_note
from tests.factories import MemberFactory, TenantFactory, UserFactory, actor, make_file, make_ticket
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant():
    return TenantFactory(slug="tigris")


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


@pytest.fixture
def agent(tenant):
    return MemberFactory(tenant=tenant, agent=True)


@pytest.fixture
def ticket(customer, agent):
    return make_ticket(customer, agent=agent)


@pytest.fixture
def sent(disk, customer, agent, ticket):
    """Files of a ticket: the customer's, an agent's, a note's, and a draft of the customer's."""
    with tenant_scope(customer.tenant_id):
        said = Message.objects.get(conversation=ticket.conversation_id, sequence=1)
        post_message(actor=actor(agent), conversation_id=ticket.conversation_id, content="Thanks.")
        answer = Message.objects.get(conversation=ticket.conversation_id, sequence=2)
        write_note(actor=actor(agent), ticket_id=ticket.id, content="Look.")
        note = TicketNote.objects.get()
    return {
        "customer": make_file(customer, sent_with=said, body=b"mine"),
        "agent": make_file(agent, sent_with=answer, body=b"yours"),
        "note": make_file(agent, sent_with=note, body=b"ours"),
        "draft": make_file(customer, body=b"later"),
    }


@pytest.fixture
def sent_in(customer, tmp_path):
    """A ready file, perhaps with a view and a thumbnail."""

    def send(*, views):
        file = make_file(customer)
        if views:
            (tmp_path / "x").write_bytes(b"x")
            for part in ("view", "thumbnail"):
                store().save(file.stored_key(part), tmp_path / "x", content_type="image/webp")
            with tenant_scope(customer.tenant_id):
                StoredFile.objects.filter(id=file.id).update(has_views=True)
        return file

    return send


def files_of(tenant):
    with tenant_scope(tenant.id):
        return {file.id: file for file in StoredFile.objects.all()}


def exported(customer, path):
    out = io.StringIO()
    call_command(
        "export_customer", f"--tenant={customer.tenant.slug}", f"--customer={customer.pk}", f"--out={path}", stdout=out
    )
    archive = zipfile.ZipFile(path)
    return archive, json.loads(archive.read("files.json")), out.getvalue()


def fixed(command, *arguments):
    call_command(command, "--tenant=tigris", *arguments, "--apply", stdout=io.StringIO(), stderr=io.StringIO())


class TestExport:
    def test_a_person_gets_their_files(self, customer, sent, tmp_path):
        elsewhere = make_file(MemberFactory(tenant=customer.tenant))

        archive, rows, told = exported(customer, tmp_path / "x.zip")

        assert {row["id"]: archive.read(row["in_archive"]) for row in rows} == {
            str(sent["customer"].id): b"mine", str(sent["agent"].id): b"yours",
            str(sent["note"].id): b"ours", str(sent["draft"].id): b"later",
        }  # fmt: skip
        assert not [name for name in archive.namelist() if str(elsewhere.id) in name]
        assert "4 files" in told

    @pytest.mark.parametrize("state", ["waiting", "checking", "refused", "gone"])
    def test_what_is_not_there_is_named(self, disk, customer, state, tmp_path):
        file = make_file(customer, state="ready" if state == "gone" else state)
        if state == "gone":
            store().delete([file.stored_key()])

        archive, (row,), told = exported(customer, tmp_path / "x.zip")

        assert (row["in_archive"], row["missing"]) == (None, state)
        assert not [name for name in archive.namelist() if name.startswith("files/")]
        assert "1 files are not in it" in told

    @pytest.mark.parametrize(
        ("name", "safe"),
        [
            ("../../etc/passwd", "_.._etc_passwd"), ("a/b\\c:d.txt", "a_b_c_d.txt"), ("..", ""),
            ("صورة.txt", "صورة.txt"), ("a" * 300 + ".txt", "a" * 40 + ".txt"), ("note", "note"),
        ],
    )  # fmt: skip
    def test_names_are_safe_in_an_archive(self, disk, customer, name, safe, tmp_path):
        file = make_file(customer, file_name=name[:255])

        archive, (row,), _told = exported(customer, tmp_path / "x.zip")

        wanted = safe if len(name) < 256 else "a" * 40
        assert row["in_archive"] == f"files/{file.id}-{wanted}"
        assert archive.read(row["in_archive"]) == b"It was broken."

    def test_a_store_that_is_away_is_said(self, disk, customer, tmp_path):
        make_file(customer)
        (tmp_path / "files").rename(tmp_path / "elsewhere")

        with pytest.raises(Exception, match="The files cannot be read"):
            exported(customer, tmp_path / "x.zip")


class TestErasure:
    def test_all_files_go_of_who_is_erased_and_none_of_others(self, customer, sent, agent):
        other = MemberFactory(tenant=customer.tenant)
        kept = make_file(other), make_file(agent)

        fixed("erase_customer", f"--customer={customer.pk}")

        found = files_of(customer.tenant)
        assert {key for key, file in found.items() if file.state == "removed"} == {file.id for file in sent.values()}
        assert {
            (f.file_name, f.sha256, f.uploader_id, f.parent_id) for f in found.values() if f.state == "removed"
        } == {("", "", None, None)}
        assert sweep() == 4
        assert {one.key for one in store().listing()} == {file.stored_key() for file in kept}
        assert examine("tigris", customer.tenant_id) == []

    def test_old_tickets_take_theirs_along(self, customer, sent, agent, ticket):
        with tenant_scope(customer.tenant_id):
            close_ticket(actor=actor(agent), ticket_id=ticket.id)
            Ticket.objects.update(closed_at=ticket.created_at - timedelta(days=400))

        fixed("purge_closed_tickets", "--older-than=365")

        states = {key: file.state for key, file in files_of(customer.tenant).items()}
        assert states == {file.id: "ready" if name == "draft" else "removed" for name, file in sent.items()}
        assert sweep() == 3

    def test_nothing_that_a_data_fix_kept_of_them_stays(self, customer, sent, owner):
        with tenant_scope(customer.tenant_id):
            StoredFile.objects.filter(id=sent["draft"].id).update(
                state="checking", stored_id=None, next_at="2199-01-01T00:00Z"
            )
        fixed("repair", "--finding=file_check_ahead")
        images = "SELECT count(*) FROM datafixes_fiximage WHERE table_name = 'files_storedfile'"
        assert owner().execute(images).fetchone() == (1,)

        fixed("erase_customer", f"--customer={customer.pk}")

        assert owner().execute(images).fetchone() == (0,)


class TestPreview:
    def test_a_message_of_files_alone_is_named_by_its_first_file_as_the_doctor_knows(self, disk, customer, ticket):
        file = make_file(customer, state="checking", file_name="photo.heic")
        with tenant_scope(customer.tenant_id):
            post_message(
                actor=actor(customer), conversation_id=ticket.conversation_id, content="", attachment_ids=[file.id]
            )
        assert examine("tigris", customer.tenant_id) == []

        check_due()  # which gives it the name of what it is

        with tenant_scope(customer.tenant_id):
            preview = Conversation.objects.get().last_message_preview
            assert preview == StoredFile.objects.get().file_name
            assert preview != "photo.heic"
        assert examine("tigris", customer.tenant_id) == []


class TestQuota:
    def test_what_is_taken_and_what_is_awaited_counts(self, disk, customer):
        make_file(customer, state="waiting", body=b"x" * 30)
        make_file(customer, state="checking", body=b"x" * 20)
        make_file(MemberFactory(tenant=TenantFactory()), state="waiting")
        ready = make_file(customer, body=b"x" * 5)
        with tenant_scope(customer.tenant_id):
            StoredFile.objects.filter(id=ready.id).update(stored_bytes=50)
            Tenant.objects.update(file_quota_bytes=110)
            room = room_of(customer.tenant_id)
            assert (room.quota_bytes, room.used_bytes) == (110, 100)
            assert str(room).replace("\xa0", " ") == "100 bytes of 110 bytes"

            of = {"actor": actor(customer), "file_name": "x.txt", "content_type": "text/plain"}
            with pytest.raises(StorageQuotaExceeded):
                announce_file(**of, size=11)
            announce_file(**of, size=10)

    def test_without_its_own_a_tenant_has_the_installations(self, customer, settings):
        settings.FILES_QUOTA_BYTES = 7
        with tenant_scope(customer.tenant_id):
            assert room_of(customer.tenant_id).quota_bytes == 7
            Tenant.objects.update(file_quota_bytes=0)
            assert room_of(customer.tenant_id).quota_bytes == 0

    @pytest.mark.parametrize("who", ["operator", "admin"])
    def test_only_operators_set_it_and_admins_see_what_is_taken(self, disk, customer, tenant, who):
        person = UserFactory(is_superuser=True) if who == "operator" else MemberFactory(tenant=tenant, admin=True).user
        make_file(customer, state="waiting", body=b"x" * 2048)
        page = reverse("admin:tenants_tenant_change", args=[tenant.pk])
        form = {"name": tenant.name, "status": "active", "language": "en", "time_zone": "UTC", "currency": "USD",
                "external_id": "", "file_quota_bytes": "1073741824"}  # fmt: skip

        answer = workbench(person).post(page, form)

        assert answer.status_code == (302 if who == "operator" else 403)
        with tenant_scope(tenant.id):
            assert Tenant.objects.get().file_quota_bytes == (1073741824 if who == "operator" else None)
        wanted = "2.0 KB of 1.0 GB" if who == "operator" else "2.0 KB of 20.0 GB"
        portal = reverse("admin:tenants_portalsettings_change", args=[tenant.pk])
        for address in (page, portal):
            assert wanted in workbench(person).get(address).content.decode().replace("\xa0", " ")

    def test_the_settings_say_it_and_take_nothing_of_it_over(self, api, disk, customer, tenant):
        make_file(customer, state="waiting", body=b"x" * 30)
        admin = api.as_(MemberFactory(tenant=tenant, admin=True))
        call = "/delivery/customer-portal/settings"
        wanted = {"quota_bytes": 20 * 1024**3, "used_bytes": 30}
        assert admin.get(call).json()["data"]["values"]["file_settings"] == wanted

        answer = admin.call("PUT", call, body={"file_settings": {"quota_bytes": 1, "used_bytes": 0}})

        assert (answer.status_code, answer.json()["data"]["values"]["file_settings"]) == (200, wanted)
        shown = api.as_(customer).get("/customer/delivery/portal-settings").json()["data"]["attachments"]
        assert (shown["max_files"], shown["max_bytes"]) == (10, 26_214_400)
        assert "image/heic" in shown["content_types"]


def doctors_findings():
    out = io.StringIO()
    with suppress(CommandError):
        call_command("doctor", "--files", "--json", stdout=out)
    return {one["finding"]: one for one in json.loads(out.getvalue())}


class TestDoctor:
    def test_it_names_rows_without_bytes_and_bytes_without_rows_and_gives_up_what_is_lost(
        self, stores, customer, sent_in
    ):
        kept, gone, half = sent_in(views=False), sent_in(views=False), sent_in(views=True)
        assert doctors_findings() == {}
        store().delete([gone.stored_key(), half.stored_key("thumbnail")])

        found = doctors_findings()
        assert set(found) == {"file_bytes_missing"}
        assert found["file_bytes_missing"]["examples"] == [f"{gone.id} main", f"{half.id} thumbnail"]

        out = io.StringIO()
        repair = ("repair", "--finding=file_bytes_missing", "--tenant=tigris", "--apply", "--json")
        call_command(*repair, stdout=out, stderr=io.StringIO())
        (report,) = json.loads(out.getvalue())
        states = {key: (file.state, file.has_views) for key, file in files_of(customer.tenant).items()}
        assert states == {kept.id: ("ready", False), gone.id: ("refused", False), half.id: ("ready", False)}
        assert doctors_findings() == {}

        call_command("data_fixes", "undo", report["run"], stdout=io.StringIO())
        assert {file.state for file in files_of(customer.tenant).values()} == {"ready"}
        assert set(doctors_findings()) == {"file_bytes_missing"}

    def test_bytes_without_rows_are_named_once_they_are_old(self, disk, customer):
        file = make_file(customer)
        late = file.upload_key
        (disk.path(late)).parent.mkdir(parents=True)
        disk.path(late).write_bytes(b"late")
        assert doctors_findings() == {}

        old = (timezone.now() - timedelta(hours=3)).timestamp()
        os.utime(disk.path(late), (old, old))

        found = doctors_findings()
        assert found["file_bytes_unnamed"]["examples"] == [f"{late} 4 bytes"]
        assert delete_unnamed() == 1
        assert doctors_findings() == {}

    def test_without_being_asked_it_does_not_look_at_bytes(self, disk, customer, tmp_path):
        make_file(customer)
        (tmp_path / "files").rename(tmp_path / "elsewhere")

        call_command("doctor", stdout=io.StringIO())
        with pytest.raises(CommandError, match="The place of files cannot be looked at"):
            call_command("doctor", "--files", stdout=io.StringIO())
