"""What tables hold of people is declared on their models, whole, and is what erasure, export and purge do."""

import io
import json
import zipfile

import pytest
from django.core.management import call_command
from django.db import connection, models
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.api.models import IdempotencyRecord
from ondi.common.ids import new_id
from ondi.common.personal import ROW, NotPersonal, PersonalData, declared, rows_about
from ondi.datafixes.models import FixImage, FixRun
from ondi.files.arriving import take_upload
from ondi.files.services import announce_file
from ondi.tenants.scope import tenant_scope
from orders.models import OrderItem
from support.drafts import Writing, keep_draft
from support.models import Tag, Ticket, TicketTag
from support.services import close_ticket, note_presence, post_message, write_note
from tests.architecture.test_database_rules import TABLES
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    OrderFactory,
    TenantFactory,
    actor,
    make_promise,
    make_ticket,
)

pytestmark = pytest.mark.django_db(transaction=True)

TEXTS = (models.CharField, models.TextField, models.JSONField)
DECLARED = dict(declared())


def words(model):
    """Columns that may hold what people wrote or are called: text of no closed list."""
    return {
        field.attname for field in model._meta.concrete_fields if isinstance(field, TEXTS) and not field.choices
    }  # fmt: skip


@pytest.mark.parametrize("model", TABLES.values(), ids=lambda model: model._meta.label)
def test_every_table_says_what_it_holds_of_people(model):
    personal = getattr(model, "personal", None)
    if isinstance(personal, NotPersonal):
        assert personal.because
        assert not [field for field in model._meta.fields if isinstance(field, models.EmailField)]
        return
    assert isinstance(personal, PersonalData), (
        f"{model._meta.label}: say `personal = PersonalData(...)` or `NotPersonal(because)`, of ondi.common.personal"
    )
    erased = words(model) if personal.erase is ROW else set(personal.erase)
    unsaid = words(model) - erased - set(personal.kept)
    assert not unsaid, f"{model._meta.label}: {unsaid} is neither in `erase` nor, with a reason, in `kept`"
    assert not erased & set(personal.kept)
    assert bool(personal.export) is not bool(personal.withheld), f"{model._meta.label}: `export`, or why `withheld`"


@pytest.mark.parametrize("model", TABLES.values(), ids=lambda model: model._meta.label)
def test_what_hangs_on_a_purged_row_goes_with_it(model):
    purged = {other for other, personal in DECLARED.items() if personal.is_purged}
    hangs_on = {field.related_model for field in model._meta.fields if field.many_to_one} & purged
    assert not hangs_on or model in purged, f"{model._meta.label}: `is_purged`, or the purge of {hangs_on} fails"


@pytest.fixture
def customer(api):
    """Somebody with a row of their own in every table that declares to hold one."""
    tenant = TenantFactory()
    agent = MemberFactory(tenant=tenant, agent=True)
    customer = MemberFactory(tenant=tenant, phone="0790", language="ar", external_id="customer-1")
    order = OrderFactory(tenant=tenant, customer=customer, external_id="order-1")
    delivery = DeliveryFactory(
        tenant=tenant, customer=customer, external_id="delivery-1", from_address="here", to_address="there"
    )
    ticket = make_ticket(customer, delivery=delivery, agent=agent)
    portal = api.as_(customer)
    conversation = f"/messaging/conversations/{ticket.conversation_id}/messages"
    assert portal.post(conversation, {"content": "Hello"}, **{"Idempotency-Key": "k"}).status_code == 201
    who = actor(agent)
    with tenant_scope(tenant.id):
        OrderItem.objects.create(tenant=tenant, order=order, position=1, name="lamp")
        TicketTag.objects.create(tenant=tenant, ticket=ticket, tag=Tag.objects.create(tenant=tenant, name="late"))
        write_note(actor=who, ticket_id=ticket.id, content="A note")
        file = announce_file(actor=actor(customer), file_name="parcel.txt", content_type="text/plain", size=1)
        take_upload(tenant_id=tenant.id, file_id=file.id, upload_id=new_id(), sha256="0" * 64)
        post_message(
            actor=actor(customer), conversation_id=ticket.conversation_id, content="", attachment_ids=[file.id]
        )
        note_presence(ticket=ticket, membership_id=agent.id)
        keep_draft(actor=who, ticket_id=ticket.id, writing=Writing("reply", "Half a sentence"))
        make_promise(ticket, first_response=60)
        run = FixRun.objects.create(tenant=tenant, command="x", operator="x", started_at=timezone.now())
        FixImage.objects.create(
            tenant=tenant, run=run, item="x", position=1, table_name="support_ticket", row_id=ticket.id, before={}
        )
        assert IdempotencyRecord.objects.exists()
    return customer


def now(customer):
    """Every row that is theirs, by model and key."""
    with tenant_scope(customer.tenant_id):
        return {model: {row["pk"]: row for row in rows_about(model, customer).values("pk", *columns(model))}
                for model in DECLARED}  # fmt: skip


def columns(model):
    return [field.attname for field in model._meta.concrete_fields]


def test_erasure_does_what_is_declared(customer):
    before = now(customer)
    assert [model for model, rows in before.items() if not rows] == [], "give the customer above a row of each"

    with tenant_scope(customer.tenant_id), connection.cursor() as cursor:
        cursor.execute("SELECT ondi_erase_customer(%s)", [customer.pk])
    after = now(customer)

    for model, personal in DECLARED.items():
        if personal.erase is ROW:
            assert after[model] == {}, model
            continue
        assert set(after[model]) == set(before[model]), model
        for column, text in personal.erase.items():
            for key, row in after[model].items():
                assert row[column] == (text and text.format(id=key)), (model, column)
            changed = [key for key, row in before[model].items() if row[column] != after[model][key][column]]
            assert changed, f"{model._meta.label}.{column}: give the customer above a word in it"


def test_purge_takes_what_is_declared(customer):
    before = now(customer)
    ticket = next(iter(before[Ticket]))

    with tenant_scope(customer.tenant_id), connection.cursor() as cursor:
        close_ticket(actor=Actor.system(customer.tenant_id, "purge"), ticket_id=ticket)
        cursor.execute("SELECT ondi_purge_tickets(%s)", [[ticket]])
        assert cursor.fetchone() == (1,)

    assert {model for model, rows in now(customer).items() if not rows} == {
        model for model, personal in DECLARED.items() if personal.is_purged
    } | {FixImage}, "images of rows that went go with them"


def test_export_holds_what_is_declared(customer, tmp_path):
    path = tmp_path / "person.zip"

    call_command(
        "export_customer", f"--tenant={customer.tenant.slug}", f"--customer={customer.pk}", f"--out={path}",
        stdout=io.StringIO(),
    )  # fmt: skip

    with zipfile.ZipFile(path) as archive:
        found = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    expected = {its.export: model for model, its in DECLARED.items() if its.export}
    assert set(found) == {f"{name}.json" for name in expected}
    rows = now(customer)
    for name, model in expected.items():
        held = found[f"{name}.json"]
        keys = {str(row["id"]) for row in (held if isinstance(held, list) else [held])}
        assert keys == {str(key) for key in rows[model]}, name
