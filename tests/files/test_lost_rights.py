"""A link is dead the moment its reader loses the right, on disk and in a bucket, whose own links live a minute more."""

import io
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
import urllib3
from django.core.management import call_command
from django.utils import timezone

from ondi.accounts.api_keys import issue_api_key, revoke_api_key
from ondi.accounts.models import ApiKey, Scope, User
from ondi.accounts.services import disable_login, end_membership, update_member
from ondi.files.links import DOWNLOAD, FileReader, reading_link
from ondi.files.models import StoredFile
from ondi.files.services import delete_draft
from ondi.files.storage import store
from ondi.files.sweeping import DRAFTS_KEPT, sweep
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from support.models import Ticket
from support.services import close_ticket, post_message, redact_ticket_message, write_note
from tests.factories import MemberFactory, TenantFactory, UserFactory, actor, make_file, make_ticket
from tests.files.conftest import in_bucket
from tests.files.links import follow, follow_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene():
    """A buyer's ticket with a file in a message, one in a note, and a draft."""
    tenant = TenantFactory(slug="tigris")
    buyer, agent = MemberFactory(tenant=tenant, external_id="buyer"), MemberFactory(tenant=tenant, agent=True)
    lead, operator, ticket = MemberFactory(tenant=tenant, lead=True), UserFactory(is_superuser=True), make_ticket(buyer)
    with tenant_scope(tenant.id):
        message = post_message(actor=actor(buyer), conversation_id=ticket.conversation_id, content="Look")
        note = write_note(actor=actor(agent), ticket_id=ticket.id, content="Look")
        key, _text = issue_api_key(tenant_id=tenant.id, name="program", scopes=Scope.values)
    return SimpleNamespace(
        tenant=tenant, buyer=buyer, agent=agent, lead=lead, operator=operator, key=key, ticket=ticket, message=message,
        sent=make_file(buyer, sent_with=message), noted=make_file(agent, sent_with=note), draft=make_file(buyer),
    )  # fmt: skip


def link_of(file, reader):
    kind = {"User": "o", "ApiKey": "k"}.get(type(reader).__name__, "m")
    reader = FileReader(kind, reader.id)
    link = reading_link(DOWNLOAD, tenant_id=file.tenant_id, file_id=file.id, reader=reader, at=timezone.now())
    return link.address("http://here")


def command(*arguments):
    call_command(*arguments, "--tenant=tigris", "--apply", stdout=io.StringIO(), stderr=io.StringIO())


def redact(scene):
    redact_ticket_message(actor=actor(scene.lead), ticket_id=scene.ticket.id, message_id=scene.message.id)


def purge(scene):
    close_ticket(actor=actor(scene.lead), ticket_id=scene.ticket.id)
    Ticket.objects.update(closed_at=timezone.now() - timedelta(days=2))
    command("purge_closed_tickets", "--older-than=1")


def age(scene):
    StoredFile.objects.filter(id=scene.draft.id).update(created_at=timezone.now() - DRAFTS_KEPT - timedelta(seconds=1))
    sweep()


def lose_bytes(scene):
    store().delete([scene.sent.stored_key()])
    command("repair", "--finding=file_bytes_missing")


# What is done, to which file, and who had a link to it. (No ticket is ever moved to another customer.)
LOSSES = {
    "the membership ends": (lambda s: end_membership(membership=s.agent), "sent", "agent"),
    "the buyer's membership ends": (lambda s: end_membership(membership=s.buyer), "draft", "buyer"),
    "the login is switched off": (lambda s: disable_login(user=s.agent.user), "noted", "agent"),
    "the support role ends": (lambda s: update_member(membership=s.agent, is_support_user=False), "sent", "agent"),
    "the one who wrote the note loses the role": (
        lambda s: update_member(membership=s.agent, is_support_user=False), "noted", "agent",
    ),
    "the operator is none any more": (
        lambda s: User.objects.filter(id=s.operator.id).update(is_superuser=False), "noted", "operator",
    ),
    "the operator's login is switched off": (lambda s: disable_login(user=s.operator), "sent", "operator"),
    "the key is revoked": (lambda s: revoke_api_key(key=s.key), "sent", "key"),
    "the key is over": (lambda s: ApiKey.objects.update(expires_at=timezone.now()), "sent", "key"),
    "the key opens no tickets any more": (
        lambda s: ApiKey.objects.update(scopes=[Scope.CATALOGUE_WRITE]), "sent", "key",
    ),
    "the tenant is suspended": (lambda s: Tenant.objects.update(status="suspended"), "sent", "buyer"),
    "the tenant is suspended, for its operator": (
        lambda s: Tenant.objects.update(status="suspended"), "sent", "operator",
    ),
    "the message is redacted": (redact, "sent", "buyer"),
    "the customer is erased": (lambda s: command("erase_customer", "--customer=buyer"), "noted", "lead"),
    "the erased one reads": (lambda s: command("erase_customer", "--customer=buyer"), "sent", "buyer"),
    "the ticket is purged": (purge, "noted", "agent"),
    "the draft is thrown away": (lambda s: delete_draft(actor=actor(s.buyer), file_id=s.draft.id), "draft", "buyer"),
    "the draft is old": (age, "draft", "buyer"),
    "the bytes are given up": (lose_bytes, "sent", "buyer"),
}  # fmt: skip


@pytest.mark.parametrize("what", LOSSES)
def test_a_link_is_dead_the_moment_the_right_is_lost(scene, use_files, what):
    lose, name, reader = LOSSES[what]
    other = make_file(elsewhere := MemberFactory())
    urls = link_of(getattr(scene, name), getattr(scene, reader)), link_of(other, elsewhere)
    before = follow_all(urls)
    assert [answer.status for answer in before] == [200, 200]

    with tenant_scope(scene.tenant.id):
        lose(scene)

    assert [answer.status for answer in follow_all(urls)] == [404, 200]
    kept = before[0].headers["etag"]
    assert follow(urls[0], if_none_match=kept).status == 404, "not even that it is as it was"
    use_files(in_bucket(endpoint="http://127.0.0.1:9"))
    assert [answer.status for answer in follow_all(urls)] == [404, 302]


def test_what_the_bucket_was_asked_for_before_lives_a_minute(bucket, scene):
    """Given a link of S3's own of this moment, and one that is a minute old."""
    url = link_of(make_file(scene.buyer, sent_with=scene.message), scene.buyer)
    with time_machine.travel(timezone.now() - timedelta(seconds=61)):
        old = follow(url)
    new = follow(url)
    assert [answer.headers["cache-control"] for answer in (old, new)] == ["private, max-age=30"] * 2

    def status_of(answer):
        return urllib3.request("GET", answer.headers["location"]).status

    with tenant_scope(scene.tenant.id):
        redact(scene)

    assert follow(url).status == 404
    assert status_of(old) in (400, 403)  # Amazon says 403
    assert status_of(new) == 200
    sweep()
    assert status_of(new) == 404
