"""A file's way: announced, uploaded, checked, sent, read, and what is refused on it."""

import hashlib
import io
from datetime import datetime
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pillow_heif
import pytest
import urllib3
from PIL import Image

from ondi.accounts.actors import Actor
from ondi.api.models import IdempotencyRecord
from ondi.common.errors import InvalidInput, NotFound
from ondi.common.ids import new_id
from ondi.files.access import Awaited, taken
from ondi.files.checking import check_due
from ondi.files.errors import AttachmentAlreadyUploaded
from ondi.files.links import read_link
from ondi.files.models import StoredFile
from ondi.files.rule import may_read
from ondi.files.services import announce_file, delete_draft, drafts_to_send
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from support.services import redact_ticket_message
from tests.factories import MemberFactory, actor, make_ticket
from tests.files.conftest import in_bucket
from tests.files.links import follow, put
from tests.reliability.product import free_port

pytestmark = pytest.mark.django_db(transaction=True)
pillow_heif.register_heif_opener()
FILES = "/messaging/attachments"
TEXT = b"It was broken when it came."


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


@pytest.fixture
def portal(api, customer):
    return api.as_(customer)


def announced(client, body=TEXT, file_name="note.txt", content_type="text/plain", **more):
    answer = client.post(FILES, {"file_name": file_name, "content_type": content_type, "size": len(body), **more})
    assert answer.status_code == 201, answer.json()
    return answer.json()["data"]["attachment"]


def uploaded(client, body=TEXT, **of):
    draft = announced(client, body, **of)
    assert put(draft["upload"], body).status == 200
    return draft["id"]


def ready(client, body=TEXT, **of):
    key = uploaded(client, body, **of)
    assert check_due() == 1
    return key


def test_a_file_goes_from_announcement_to_message(portal, customer):
    ticket = make_ticket(customer)
    draft = announced(portal)
    assert draft["state"] == "waiting"
    assert draft["download_url"] is None

    assert put(draft["upload"], TEXT).status == 200
    assert portal.get(f"{FILES}/{draft['id']}").json()["data"]["attachment"]["state"] == "checking"
    assert check_due() == 1
    there = portal.get(f"{FILES}/{draft['id']}").json()["data"]["attachment"]
    assert there["state"] == "ready"
    read = follow(there["download_url"])
    assert (read.status, read.body) == (200, TEXT)
    assert read.headers["content-disposition"].startswith("attachment")

    address = f"/messaging/conversations/{ticket.conversation_id}/messages"
    said = portal.post(address, {"attachment_ids": [draft["id"]]})
    assert said.status_code == 201, said.json()
    message = said.json()["data"]["message"]
    assert message["content"] == ""
    assert message["attachments"] == [there]
    listed = portal.get(address).json()["data"]["messages"][0]
    assert listed["attachments"] == [there]


def test_what_is_repeated_changes_nothing_and_others_are_refused(portal):
    draft = announced(portal)
    assert put(draft["upload"], TEXT).status == 200
    assert put(draft["upload"], TEXT).status == 200
    other = put(draft["upload"], TEXT[::-1])
    assert (other.status, other.json()["error"]) == (409, "attachment_already_uploaded")
    check_due()
    assert put(draft["upload"], TEXT).status == 200
    assert put(draft["upload"], TEXT, content_length="26214401").status == 413
    there = portal.get(f"{FILES}/{draft['id']}").json()["data"]["attachment"]
    assert there["state"] == "ready"
    assert follow(there["download_url"].replace("/download/", "/view/")).status == 404


def test_a_photo_has_a_view_and_a_thumbnail_and_no_place(portal):
    exif = Image.Exif()
    exif[0x010F] = "secret maker"
    out = io.BytesIO()
    Image.new("RGB", (2_000, 1_000), "teal").save(out, "HEIF", exif=exif.tobytes())

    key = ready(portal, out.getvalue(), file_name="IMG_1.HEIC", content_type="image/heic")

    seen = portal.get(f"{FILES}/{key}").json()["data"]["attachment"]
    assert (seen["file_name"], seen["content_type"], seen["width"], seen["height"]) == (
        "IMG_1.jpg", "image/jpeg", 2_000, 1_000,
    )  # fmt: skip
    for link, size in (("download_url", 2_000), ("view_url", 1_600), ("thumbnail_url", 320)):
        answer = follow(seen[link])
        assert b"secret" not in answer.body
        assert Image.open(io.BytesIO(answer.body)).width == size
        is_shown = answer.headers["content-disposition"].startswith("inline")
        assert is_shown is (link != "download_url")
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_a_page_that_says_it_is_a_photo_is_refused_and_shows_nothing(portal, customer):
    key = ready(portal, b"<html><script>alert(1)</script>", file_name="x.jpg", content_type="image/jpeg")
    ticket = make_ticket(customer)
    address = f"/messaging/conversations/{ticket.conversation_id}/messages"

    said = portal.post(address, {"content": "", "attachment_ids": [key]}).json()["data"]["message"]["attachments"][0]

    assert (said["state"], said["reason"], said["download_url"]) == ("refused", "type_mismatch", None)


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"content_type": "image/svg+xml"}, "content_type", "invalid_choice"),
        ({"file_name": ""}, "file_name", "blank"),
        ({"file_name": "x" * 256}, "file_name", "max_length"),
        ({"size": 0}, "size", "min_value"),
        ({"size": "3"}, "size", "invalid"),
        ({"sha256": "x"}, "sha256", "invalid"),
    ],
)
def test_what_cannot_be_is_not_announced(portal, change, field, code):
    answer = portal.post(FILES, {"file_name": "x.txt", "content_type": "text/plain", "size": 1} | change)

    assert answer.status_code == 400
    assert [fault["code"] for fault in answer.json()["data"]["fields"][field]] == [code]


def test_too_large_and_too_much_are_refused(portal, tenant):
    assert (
        portal.post(FILES, {"file_name": "x.txt", "content_type": "text/plain", "size": 26_214_401}).status_code == 413
    )
    with tenant_scope(tenant.id):
        Tenant.objects.filter(id=tenant.id).update(file_quota_bytes=100)
    announced(portal, b"x" * 90)

    answer = portal.post(FILES, {"file_name": "x.txt", "content_type": "text/plain", "size": 11})

    assert (answer.status_code, answer.json()["error"]) == (409, "storage_quota_exceeded")


def test_only_own_files_that_came_are_sent_and_each_once(api, portal, customer, tenant):
    ticket = make_ticket(customer)
    address = f"/messaging/conversations/{ticket.conversation_id}/messages"
    foreign, waiting, good = uploaded(api.as_(MemberFactory(tenant=tenant))), announced(portal)["id"], uploaded(portal)

    def sent(*keys):
        answer = portal.post(address, {"content": "x", "attachment_ids": keys})
        return answer.status_code, answer.json().get("error")

    assert sent(foreign) == (404, "attachment_not_found")
    assert sent(waiting) == (409, "attachment_not_uploaded")
    assert sent(good, good) == (400, "validation_error")
    assert sent(*[good] * 11) == (400, "validation_error")
    assert sent(good) == (201, None)
    assert sent(good) == (404, "attachment_not_found")
    assert portal.post(address, {"content": "x", "attachments": []}).status_code == 400


def test_eleven_files_and_more_than_a_message_holds_are_refused(portal, customer, tenant):
    ticket = make_ticket(customer)
    keys = [uploaded(portal) for _file in range(11)]
    address = f"/messaging/conversations/{ticket.conversation_id}/messages"

    def refused(*some):
        fields = portal.post(address, {"content": "x", "attachment_ids": some}).json()["data"]["fields"]
        return [fault["code"] for fault in fields["attachment_ids"]]

    assert refused(*keys) == ["max_length"]
    with tenant_scope(tenant.id):
        StoredFile.objects.filter(id__in=keys[:2]).update(size=13_107_201)
    assert refused(*keys[:2]) == ["max_value"]
    assert portal.post(address, {"content": "x", "attachment_ids": keys[1:]}).status_code == 201


def test_what_doors_refuse_the_service_refuses_too(customer, tenant):
    with tenant_scope(tenant.id):
        with pytest.raises(InvalidInput, match="content_type"):
            announce_file(actor=actor(customer), file_name="x.svg", content_type="image/svg+xml", size=1)
        with pytest.raises(InvalidInput, match="attachment_ids"):
            drafts_to_send(actor(customer), [new_id() for _file in range(11)])


def test_a_draft_whose_bytes_came_twice_keeps_the_first(disk, portal, customer, tenant):
    """Given an upload that was begun before other bytes, or the sweep, were quicker."""
    key = uploaded(portal)
    upload = Awaited(tenant.id, UUID(key), "", is_taken=False)
    mine = hashlib.sha256(TEXT).hexdigest()

    assert not taken(upload, new_id(), mine)
    with pytest.raises(AttachmentAlreadyUploaded):
        taken(upload, new_id(), mine[::-1])
    with tenant_scope(tenant.id):
        delete_draft(actor=actor(customer), file_id=UUID(key))
    with pytest.raises(NotFound):
        taken(upload, new_id(), mine)


def test_a_file_of_nobody_is_no_drafts_of_an_operator(tenant):
    assert not may_read(Actor.operator(tenant.id, 1), StoredFile(tenant=tenant))


def test_a_ticket_and_a_note_take_files_and_customers_see_none_of_the_note(api, portal, customer, tenant):
    key = uploaded(portal)
    opened = portal.post(
        "/customer/support/tickets", {"subject": "Broken", "message": "Look", "attachment_ids": [key]}
    ).json()["data"]["ticket"]
    agent = api.as_(MemberFactory(tenant=tenant, agent=True))
    noted = uploaded(agent)
    note = agent.post(
        f"/messaging/support/tickets/{opened['id']}/note", {"content": "see", "attachment_ids": [noted]}
    ).json()["data"]["note"]
    check_due()

    said = portal.get(f"/messaging/conversations/{opened['conversation']['id']}/messages").json()["data"]["messages"][
        -1
    ]

    assert [one["id"] for one in said["attachments"]] == [key]
    assert [one["id"] for one in note["attachments"]] == [noted]
    assert portal.get(f"{FILES}/{noted}").status_code == 404
    assert agent.get(f"{FILES}/{noted}").status_code == 200


def test_the_same_link_stays_within_the_hour_and_ends_with_the_next(portal, monkeypatch):
    key = ready(portal)
    first, second = (portal.get(f"{FILES}/{key}").json()["data"]["attachment"] for _ask in range(2))
    assert first == second
    ends = datetime.fromisoformat(first["expires_at"]).timestamp()
    path, query = urlsplit(first["download_url"]).path, parse_qs(urlsplit(first["download_url"]).query)

    assert read_link(path, query, now=ends - 1)
    assert read_link(path, query, now=ends) is None


def test_other_bytes_than_announced_are_refused_at_the_door(portal):
    upload = announced(portal, sha256=hashlib.sha256(TEXT).hexdigest())["upload"]

    assert put(upload, TEXT[:-1]).status == 400
    assert put(upload, TEXT, content_type="text/html").status == 400
    assert follow(upload["url"], "PUT", TEXT, content_type="text/plain", content_length=None).status == 411
    assert put(upload, TEXT[::-1]).json()["data"]["fields"]["sha256"][0]["code"] == "invalid"
    assert follow(upload["url"], "PUT", pieces=[TEXT[:5]], gone=True, content_type="text/plain",
                  content_length=str(len(TEXT))) is None  # fmt: skip
    assert put(upload, TEXT).status == 200


def test_parts_of_a_file_are_given(portal):
    key = ready(portal)
    link = portal.get(f"{FILES}/{key}").json()["data"]["attachment"]["download_url"]
    whole = follow(link)

    part = follow(link, range="bytes=3-5")
    assert (part.status, part.body, part.headers["content-range"]) == (206, TEXT[3:6], f"bytes 3-5/{len(TEXT)}")
    assert follow(link, range="bytes=-2").body == TEXT[-2:]
    assert follow(link, range=f"bytes={len(TEXT)}-").status == 416
    assert follow(link, range="bytes=1-2,4-5").status == 200
    assert (follow(link, "HEAD").body, follow(link, "HEAD").status) == (b"", 200)
    assert follow(link, if_none_match=whole.headers["etag"]).status == 304
    assert follow(link, "PUT", b"x").status == 405
    assert whole.headers["cache-control"] == "private, max-age=3600, immutable"


def test_pages_of_known_origins_may_upload(portal, settings):
    settings.STREAM_ORIGINS = ["https://portal.example"]
    upload = announced(portal)["upload"]

    known = follow(upload["url"], "OPTIONS", origin="https://portal.example")
    foreign = follow(upload["url"], "OPTIONS", origin="https://evil.example")

    assert "PUT" in known.headers["access-control-allow-methods"]
    assert "access-control-allow-origin" not in foreign.headers


def test_a_repeated_post_says_what_its_files_are_now(portal, customer):
    ticket, key = make_ticket(customer), uploaded(portal)
    address = f"/messaging/conversations/{ticket.conversation_id}/messages"
    body, once = {"content": "x", "attachment_ids": [key]}, {"Idempotency-Key": "once"}
    assert portal.post(address, body, **once).json()["data"]["message"]["attachments"][0]["state"] == "checking"
    check_due()

    again = portal.post(address, body, **once).json()["data"]["message"]["attachments"][0]

    assert again["state"] == "ready"
    assert follow(again["download_url"]).body == TEXT


def test_kept_answers_name_what_was_taken_back_no_more(portal, customer, tenant):
    """Given the answers to an announcement and to its message, kept for who asks twice."""
    ticket, once, name = make_ticket(customer), {"Idempotency-Key": "once"}, {"file_name": "Layla's passport.txt"}
    body = {**name, "content_type": "text/plain", "size": len(TEXT)}
    draft = portal.post(FILES, body, **once).json()["data"]["attachment"]
    put(draft["upload"], TEXT)
    address = f"/messaging/conversations/{ticket.conversation_id}/messages"
    said = portal.post(address, {"attachment_ids": [draft["id"]]}, **once).json()["data"]["message"]
    lead = MemberFactory(tenant=tenant, lead=True)

    with tenant_scope(tenant.id):
        assert IdempotencyRecord.objects.filter(response__icontains="passport").count() == 2
        redact_ticket_message(actor=actor(lead), ticket_id=ticket.id, message_id=said["id"])

        assert not IdempotencyRecord.objects.filter(response__icontains="passport").exists()
    again = portal.post(address, {"attachment_ids": [draft["id"]]}, **once)
    assert (again.status_code, again.json()["data"]["message"]["attachments"]) == (201, [])


def test_an_upload_that_went_into_a_bucket_is_found_when_it_is_asked_for(bucket, portal, customer):
    draft = announced(portal)
    sent = urllib3.request("PUT", draft["upload"]["url"], body=TEXT, headers=draft["upload"]["headers"])
    assert sent.status == 200
    ticket, waiting = make_ticket(customer), announced(portal)["id"]
    address = f"/messaging/conversations/{ticket.conversation_id}/messages"

    assert portal.post(address, {"attachment_ids": [waiting]}).json()["error"] == "attachment_not_uploaded"
    said = portal.post(address, {"attachment_ids": [draft["id"]]}).json()["data"]["message"]["attachments"][0]

    assert said["state"] == "checking"
    assert check_due() == 1
    there = portal.get(f"{FILES}/{draft['id']}").json()["data"]["attachment"]
    led = follow(there["download_url"])
    assert led.status == 302
    assert urllib3.request("GET", led.headers["location"]).data == TEXT
    assert portal.get(f"{FILES}/{waiting}").json()["data"]["attachment"]["state"] == "waiting"


def test_a_bucket_that_is_away_is_a_503_and_nothing_is_written(use_files, portal, customer):
    use_files(in_bucket(endpoint=f"http://127.0.0.1:{free_port()}"))
    key, ticket = announced(portal)["id"], make_ticket(customer)

    answer = portal.post(f"/messaging/conversations/{ticket.conversation_id}/messages", {"attachment_ids": [key]})

    assert (answer.status_code, answer.json()["error"]) == (503, "service_unavailable")
    assert portal.get(f"{FILES}/{key}").status_code == 503


def test_of_several_uploads_those_that_came_count_and_the_bucket_is_asked_once(bucket, portal, customer, monkeypatch):
    """Given one that came and one that did not, both of a message."""
    came, missing = announced(portal), announced(portal)
    urllib3.request("PUT", came["upload"]["url"], body=TEXT, headers=came["upload"]["headers"])
    asked, size = [], bucket.size
    monkeypatch.setattr(bucket, "size", lambda key, **within: asked.append(key) or size(key, **within))
    ticket = make_ticket(customer)

    answer = portal.post(
        f"/messaging/conversations/{ticket.conversation_id}/messages", {"attachment_ids": [came["id"], missing["id"]]}
    )

    assert answer.json()["error"] == "attachment_not_uploaded"
    assert len(asked) == 2
    assert portal.get(f"{FILES}/{came['id']}").json()["data"]["attachment"]["state"] == "checking"
