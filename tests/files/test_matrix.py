"""Who gets what of a file, in each of its states and at each of its doors: with both walls, and with either gone."""

import io
from collections import defaultdict
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from ondi.accounts.api_keys import Integration, issue_api_key, revoke_api_key
from ondi.accounts.customer_tokens import sign_customer_in
from ondi.accounts.models import Scope
from ondi.accounts.services import disable_login, end_membership, update_member
from ondi.common.ids import new_id
from ondi.common.querysets import TenantQuerySet
from ondi.files.links import DOWNLOAD, READING, FileReader, reading_link, upload_link
from ondi.files.models import MAIN, THUMBNAIL, VIEW, StoredFile
from ondi.files.services import delete_draft
from ondi.files.storage import store
from ondi.files.sweeping import DRAFTS_KEPT, sweep
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from support.models import Ticket
from support.services import close_ticket, post_message, redact_ticket_message, write_note
from tests.client import ApiClient
from tests.factories import MemberFactory, TenantFactory, UserFactory, actor, make_file, make_ticket
from tests.files.links import follow_all
from tests.files.test_api import FILES
from tests.tenants.walls import FILTERS_OF_FILES, take_away, unfiltered, without_row_level_security
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)

# Left out is what cannot be: nothing is sent before its bytes came, so no message has a file that waits. What was
# removed is alike, whatever removed it (the fixture sees to that), and stands here once.
STATES = (
    "draft waiting", "draft checking", "draft ready", "draft refused",  # the buyer's
    "draft of the agent",
    "sent checking", "sent ready", "sent refused",  # by the buyer, in their ticket
    "answered",  # by the agent, there
    "noted checking", "noted ready", "noted refused",  # by the agent, of that ticket
    "noted of colleague",  # by the agent, of a ticket whose customer is the colleague
    "redacted", "swept",
)  # fmt: skip


class Gets(NamedTuple):
    """What somebody gets of a file: from its GET, its DELETE and a new ticket with its id; how it stands in lists of
    messages and notes; whether links that would be made for them open."""

    get: str
    delete: int
    use: int
    listed: str = ""
    opens: bool = False


VERDICTS = {
    "-": Gets("404", 404, 404),
    "!": Gets("401", 401, 401),
    "w": Gets("200 upload", 200, 409),  # a draft of one's own: waits
    "d": Gets("200", 200, 201),  # … is checked, or was refused
    "D": Gets("200 links", 200, 201, opens=True),  # … is ready
    "r": Gets("200", 404, 404, "bare"),  # reads what it was sent with
    "R": Gets("200 links", 404, 404, "links", opens=True),
    "p": Gets("401", 401, 401, "bare"),  # a program: by its list of messages
    "P": Gets("401", 401, 401, "links", opens=True),
    "L": Gets("401", 401, 401, opens=True),  # by links alone
}
TABLE = {
    #                            draft      agent's   sent    answered   noted   colleague's  gone
    "buyer":                    "w d D d       -      r R r      R       - - -        -       - -",
    "buyer, signed in by a key": "w d D d      -      r R r      R       - - -        -       - -",
    "buyer, whose key ended":   "! ! L !       !      ! L !      L       ! ! !        !       ! !",
    "neighbor":                 "- - - -       -      - - -      -       - - -        -       - -",
    "agent":                    "- - - -       D      r R r      R       r R r        R       - -",
    "colleague":                "- - - -       -      r R r      R       r R r        -       - -",
    "lead":                     "- - - -       -      r R r      R       r R r        R       - -",
    "admin":                    "- - - -       -      - - -      -       - - -        -       - -",
    "viewer":                   "- - - -       -      - - -      -       - - -        -       - -",
    "released":                 "- - - -       -      - - -      -       - - -        -       - -",
    "left":                     "! ! ! !       !      ! ! !      !       ! ! !        !       ! !",
    "disabled":                 "! ! ! !       !      ! ! !      !       ! ! !        !       ! !",
    "foreign buyer":            "- - - -       -      - - -      -       - - -        -       - -",
    "foreign agent":            "- - - -       -      - - -      -       - - -        -       - -",
    "buyer, agent elsewhere":   "- - - -       -      - - -      -       - - -        -       - -",
    "suspended agent":          "! ! ! !       !      ! ! !      !       ! ! !        !       ! !",
    "operator":                 "! ! ! !       !      ! L !      L       ! L !        L       ! !",
    "operator who was":         "! ! ! !       !      ! ! !      !       ! ! !        !       ! !",
    "program":                  "! ! ! !       !      p P p      P       ! ! !        !       ! !",
    "program for orders":       "! ! ! !       !      ! ! !      !       ! ! !        !       ! !",
    "program revoked":          "! ! ! !       !      ! ! !      !       ! ! !        !       ! !",
    "foreign program":          "! ! ! !       !      ! ! !      !       ! ! !        !       ! !",
    "nobody":                   "! ! ! !       !      ! ! !      !       ! ! !        !       ! !",
}  # fmt: skip
EXPECTED = {
    (who, state): VERDICTS[letter]
    for who, letters in TABLE.items()
    for state, letter in zip(STATES, letters.split(), strict=True)
}
SHOWN = {"upload": "upload", "download_url": "links"}
BUYER = {"buyer", "buyer, signed in by a key", "buyer, whose key ended"}
AT_THE_PAGE = ("agent", "colleague", "foreign agent")


@dataclass
class World:
    """`callers`: each of the table at the API; `readers`: whom links are made for, and the tenants to try; `browsers`:
    some at the workbench. `files`: of each state; `tickets`: what they were sent in."""

    callers: dict = field(default_factory=dict)
    readers: dict = field(default_factory=dict)
    browsers: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    tickets: list = field(default_factory=list)


@pytest.fixture
def world(disk):
    ours, theirs, suspended = TenantFactory(slug="ours"), TenantFactory(), TenantFactory()
    buyer = MemberFactory(tenant=ours, external_id="buyer")
    people = {
        "buyer": buyer,
        "neighbor": MemberFactory(tenant=ours),
        "agent": MemberFactory(tenant=ours, agent=True),
        "colleague": MemberFactory(tenant=ours, agent=True),
        "lead": MemberFactory(tenant=ours, lead=True),
        "admin": MemberFactory(tenant=ours, admin=True),
        "viewer": MemberFactory(tenant=ours, viewer=True),
        "released": MemberFactory(tenant=ours, agent=True),
        "left": MemberFactory(tenant=ours, agent=True),
        "disabled": MemberFactory(tenant=ours, agent=True),
        "foreign buyer": MemberFactory(tenant=theirs),
        "foreign agent": MemberFactory(tenant=theirs, agent=True),
        "buyer, agent elsewhere": MemberFactory(tenant=theirs, agent=True, user=buyer.user),
        "suspended agent": MemberFactory(tenant=suspended, agent=True),
    }
    world = World()
    for name, person in people.items():
        world.callers[name] = ApiClient().as_(person)
        world.readers[name] = FileReader("m", person.id), {ours.id, person.tenant_id}
    world.browsers = {name: workbench(people[name].user) for name in AT_THE_PAGE}
    add_those_without_membership(world, buyer, theirs)
    add_files(world, people)
    with tenant_scope(ours.id):
        update_member(membership=people["released"], is_support_user=False)
        end_membership(membership=people["left"])
    disable_login(user=people["disabled"].user)
    with tenant_scope(suspended.id):
        Tenant.objects.filter(id=suspended.id).update(status="suspended")
    return world


def add_those_without_membership(world, buyer, theirs):
    ours, keys = buyer.tenant, {}
    for name, tenant, scopes in (
        ("program", ours, Scope.values), ("program for orders", ours, [Scope.CATALOGUE_WRITE]),
        ("program revoked", ours, Scope.values), ("foreign program", theirs, Scope.values),
    ):  # fmt: skip
        with tenant_scope(tenant.id):
            keys[name], text = issue_api_key(tenant_id=tenant.id, name=name, scopes=scopes)
        world.callers[name] = ApiClient(**{"X-API-Key": text})
        world.readers[name] = FileReader.key(keys[name].id), {ours.id, tenant.id}
    with tenant_scope(ours.id):
        for name, key in (("buyer, signed in by a key", "program"), ("buyer, whose key ended", "program revoked")):
            asking = Integration(keys[key].id, ours.id, frozenset(Scope.values))
            world.callers[name] = ApiClient(sign_customer_in(key=asking, customer_external_id="buyer").access_token)
            world.readers[name] = world.readers["buyer"]
        revoke_api_key(key=keys["program revoked"])
    world.readers |= {
        "operator": (FileReader("o", UserFactory(is_superuser=True).id), {ours.id}),
        "operator who was": (FileReader("o", UserFactory().id), {ours.id}),
        "nobody": (FileReader("m", new_id()), {ours.id}),
    }
    world.callers |= dict.fromkeys(("operator", "operator who was", "nobody"), ApiClient())


def add_files(world, people):
    buyer, agent, lead, tenant = people["buyer"], people["agent"], people["lead"], people["buyer"].tenant
    erased, lapsed = MemberFactory(tenant=tenant, external_id="erased"), MemberFactory(tenant=tenant)
    main, of_colleague, of_erased, of_lapsed = (
        make_ticket(customer, agent=agent) for customer in (buyer, people["colleague"], erased, lapsed)
    )
    world.tickets = [main, of_colleague]

    def add(state, uploader, sent_with=None):
        made = state.rpartition(" ")[2]
        made = made if made in ("waiting", "checking", "refused") else "ready"
        file = make_file(uploader, state=made, body=content(state, MAIN), sent_with=sent_with)
        if made == "ready":
            StoredFile.objects.filter(id=file.id).update(has_views=True)
            for part in (VIEW, THUMBNAIL):
                store().path(file.stored_key(part)).write_bytes(content(state, part))
        if state in STATES:
            world.files[state] = file.id
        return file

    def said(who, ticket=main):
        return post_message(actor=actor(who), conversation_id=ticket.conversation_id, content="Look")

    def noted(ticket=main):
        return write_note(actor=actor(agent), ticket_id=ticket.id, content="Look")

    with tenant_scope(tenant.id):
        add("swept", buyer)
        StoredFile.objects.update(created_at=timezone.now() - DRAFTS_KEPT - timedelta(seconds=1))
        assert sweep() == 1
        for state in STATES[:4]:
            add(state, buyer)
        add("draft of the agent", agent)
        for state in STATES[5:8]:
            add(state, buyer, said(buyer))
        add("answered", agent, said(agent))
        for state in STATES[9:12]:
            add(state, agent, noted())
        add("noted of colleague", agent, noted(of_colleague))
        delete_draft(actor=actor(buyer), file_id=add("thrown away", buyer).id)
        add("redacted", buyer, taken_back := said(buyer))
        redact_ticket_message(actor=actor(lead), ticket_id=main.id, message_id=taken_back.id)
        add("erased", agent, said(agent, of_erased))
        add("purged", lapsed, said(lapsed, of_lapsed))
        close_ticket(actor=actor(agent), ticket_id=of_lapsed.id)
        Ticket.objects.filter(id=of_lapsed.id).update(closed_at=timezone.now() - timedelta(days=2))
    for command in (["erase_customer", "--customer=erased"], ["purge_closed_tickets", "--older-than=1"]):
        call_command(*command, "--tenant=ours", "--apply", stdout=io.StringIO(), stderr=io.StringIO())
    with tenant_scope(tenant.id):
        removed = StoredFile.objects.removed().values_list(
            "uploader", "parent_kind", "parent_id", "file_name", "sha256"
        )
        assert list(removed) == [(None, "", None, "", "")] * 4


def content(state, part):
    return f"{part} of {state}".encode()


def seen(world, people=tuple(TABLE)):
    """What these get, as in the table."""
    listed, opened = lists(world, people), links(world, people)
    return {
        (who, state): Gets(*at_the_api(world, who, state), listed[who].get(str(key), ""), opened[who, state])
        for who in people
        for state, key in world.files.items()
    }


def at_the_api(world, who, state):
    """What GET, DELETE and a new ticket with its id say; nothing of it stays."""
    call, path = world.callers[who].call, f"{FILES}/{world.files[state]}"
    aside = undone if EXPECTED[who, state].delete == 200 else nullcontext
    got = call("GET", path)
    data = got.json().get("data", {}).get("attachment", {})
    get = " ".join([str(got.status_code), *(said for name, said in SHOWN.items() if data.get(name))])
    ticket = {"subject": "x", "message": "x", "attachment_ids": [str(world.files[state])]}
    with aside():
        used = call("POST", "/customer/support/tickets", body=ticket).status_code
    with aside():
        deleted = call("DELETE", path).status_code
    return get, deleted, used


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def lists(world, people):
    """Of each, the files that stand in what they can list, and whether with links."""
    main = world.tickets[0]
    paths = [f"/messaging/support/tickets/{ticket.id}/notes" for ticket in world.tickets]
    paths.append(f"/messaging/conversations/{main.conversation_id}/messages")
    paths.append(f"/integrations/tickets/{main.id}/messages")
    found = {who: {} for who in people}
    for who in people:
        for path in paths:
            data = world.callers[who].get(path, {"limit": 50}).json().get("data", {})
            for row in data.get("messages", data.get("notes", [])):
                for file in row["attachments"]:
                    found[who][file["id"]] = "links" if file["download_url"] else "bare"
    return found


def links(world, people):
    """Whether the links open that would be made for each, of the file's tenant and of their own: all or none."""
    wanted = {
        (who, state, tenant_id, purpose): reading_link(
            purpose, tenant_id=tenant_id, file_id=key, reader=reader, at=timezone.now()
        ).address("http://here")
        for who in people
        for state, key in world.files.items()
        for reader, tenants in [world.readers[who]]
        for tenant_id in tenants
        for purpose in (READING if state == "sent ready" else [DOWNLOAD])
    }
    found = defaultdict(set)
    for (who, state, _tenant_id, purpose), answer in zip(wanted, follow_all(wanted.values()), strict=True):
        is_it = answer.body == content(state, MAIN if purpose == DOWNLOAD else purpose)
        found[who, state].add({200: is_it or answer.body, 404: False}.get(answer.status, answer.status))
    return {cell: told.pop() if len(told) == 1 else told for cell, told in found.items()}


def uploads(world):
    """Whose links to upload are theirs: what they send is refused for its length, of others there is nothing."""
    wanted = {
        (who, tenant_id): upload_link(
            tenant_id=tenant_id, file_id=world.files["draft waiting"], reader=reader, at=timezone.now()
        ).address("http://here")
        for who, (reader, tenants) in world.readers.items()
        for tenant_id in tenants
    }
    found = zip(wanted, follow_all(wanted.values(), "PUT", b"x"), strict=True)
    return {who for (who, _tenant_id), answer in found if answer.status != 404}


def drafts_at_the_page(world):
    """Whom the composer of a ticket's page shows which draft."""
    here = f"/admin/support/ticket/{world.tickets[0].id}/files"
    return {
        (who, state)
        for who, browser in world.browsers.items()
        for state in STATES[:5]
        if browser.get(f"{here}/{world.files[state]}/").status_code == 200
    }


# All that holds tenants apart in the code, at once. Whose a file is within its tenant is no wall.
FILTERS = {
    (TenantQuerySet, "in_tenants"): unfiltered,
    (TenantQuerySet, "visible_to"): unfiltered,
    **FILTERS_OF_FILES,
}


@pytest.fixture(params=["both", "code", "database"])
def walls(request, world, owner, monkeypatch):
    """Which of them stand: taken away once everything is there."""
    if request.param == "database":
        take_away(monkeypatch, FILTERS)
    if request.param == "code":
        with without_row_level_security(owner):
            yield
    else:
        yield


def test_everybody_gets_of_every_file_what_the_table_says(world, walls):
    got = seen(world)

    assert {cell: gets for cell, gets in got.items() if gets != EXPECTED[cell]} == {}
    assert uploads(world) == BUYER
    assert drafts_at_the_page(world) == {("agent", "draft of the agent")}


def test_with_both_walls_gone_the_table_is_wrong(world, owner, monkeypatch):
    """So it is the walls that it looks at."""
    take_away(monkeypatch, FILTERS)
    with without_row_level_security(owner):
        got = seen(world, ["foreign agent"])

    assert {state for (_who, state), gets in got.items() if gets == VERDICTS["R"]} >= {"sent ready", "answered"}
