"""Damage by the catalogue: every link, copy, state and time of every tenant's table in turn, and what becomes of it.

This knows nothing of the findings. Each damage is refused by a constraint, or the doctor names it; what its repairs then do
is judged by plain SQL: nobody reads or writes more, no word is lost, nothing unread is read; and undo brings the damage back.
"""

import io
import json
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import BooleanField, DateTimeField, ForeignKey
from django.utils import timezone

from conversations.services import redact_message
from ondi.accounts.models import ApiKey, RefreshFamily, SettingsChange
from ondi.api.models import IdempotencyRecord
from ondi.common.ids import new_id
from ondi.datafixes.models import FixImage, FixRun
from ondi.notifications.models import (
    NotificationPreferences,
    NotificationText,
    SenderCode,
    SenderDomain,
    Suppression,
)
from ondi.streaming.models import StreamTicket
from ondi.tenants.scope import set_scope, tenant_scope
from orders.models import OrderItem
from support.fixes.doctor import examine
from support.models import CannedReply, Draft, Macro, SavedView, Tag, TicketCounter, TicketNote, TicketTag, TicketViewer
from support.services import close_ticket, post_message, reopen_ticket, snooze_ticket, write_note
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    Message,
    OrderFactory,
    TenantFactory,
    actor,
    make_file,
    make_promise,
    make_ticket,
    make_webhook,
)

pytestmark = pytest.mark.django_db(transaction=True)

# What a column is, where its field does not say. key: the row itself and its tenant. link: another row. copied: told again
# or counted from other rows. state: a word of a list, or yes and no. time: when the product did something. plain: what
# people, platforms and programs say, which nothing here can judge. No text is taken for plain by itself: it may be a copy.
COLUMNS = {
    "accounts_apikey": "plain name prefix key_hash scopes",
    "accounts_membership": "plain first_name last_name email phone external_id source_updated_at",
    "accounts_refreshfamily": "plain current_jti previous_jti",
    "accounts_settingschange": "plain before after",
    "api_idempotencyrecord": "plain user_id method path key body_hash status response",
    "conversations_conversation": "link last_message_id last_message_sender_id; copied title message_count "
        "last_message_sender_role last_message_type last_message_preview last_message_event last_message_at",
    "conversations_message": "copied sequence attachment_count; plain content event",
    "conversations_participant": "copied last_read_sequence",
    "datafixes_fiximage": "plain item position table_name before after row_id",
    "datafixes_fixrun": "plain command operator arguments plan changed failed",
    "deliveries_delivery": "plain external_id delivery_code from_address to_address store promised_at delivered_at "
        "source_updated_at",
    # What its bytes say, and what only looking at them can tell; where it hangs has a finding of its own.
    "files_storedfile": "plain file_name content_type size sha256 width height upload_id stored_id stored_bytes "
        "attempts place parent_id",
    "notifications_preferences": "plain types quiet_hours",
    "notifications_sendercode": "plain address tries",
    "notifications_senderdomain": "plain domain",
    "notifications_suppression": "plain address_hash reason",
    "notifications_text": "plain notification_type title message",
    "orders_order": "plain external_id number currency store total_amount item_count placed_at source_updated_at",
    "orders_orderitem": "plain name position quantity unit_price",
    "streaming_streamticket": "plain ticket_hash user_id session_id admin_session subject_id expires_at ends_at",  # gone in half a minute
    # Versions are what was said once; clocks are copies that `repair --finding clocks` computes anew: what damages them is in
    # `tests/service_levels/test_doctor.py`.
    "support_calendar": "plain name", "support_calendarversion": "plain number time_zone days exceptions",
    "support_cannedreply": "plain shortcut folder content", "support_macro": "plain name folder key steps",
    "support_policy": "plain name position",
    "support_policyversion": "plain number match first_response next_response resolution warn_percent",
    "support_termsround": "plain after begun_at",
    "support_ticketclock": "plain metric number target started_at consumed running_since due_at warn_at warned_at ended_at "
        "decided_at outcome spoiled_by",
    "support_ticketterms": "plain cause created_at",
    "support_draft": "plain content files sequence assignee send_at form refused updated_at steps undo",
    "support_savedview": "plain name query position",
    "support_tag": "plain name",
    "support_ticket": "copied number subject; plain follow_up_at version due_at reply_due_at attend_at",
    "support_ticketcounter": "copied last_number",
    "support_ticketevent": "plain cause before after",
    "support_ticketnote": "copied attachment_count; plain content",
    "tenants_portalsettings": "plain values allow_customer_close support_chat_enabled max_customer_priority "
        "acknowledgement_html",  # the last four unread
    "tenants_tenant": "state time_zone; plain slug name external_id currency vouches_for_emails file_quota_bytes",
    "webhooks_endpoint": "plain url host events description secret previous_secret previous_until header_name header_value "
        "failing_since told_hours disabled_at last_success_at",
}  # fmt: skip
FIELDS = {
    model._meta.db_table: {field.column: field for field in model._meta.local_fields} for model in apps.get_models()
}


def kinds_of(table):
    """Each column's kind by `COLUMNS`, else by its field; empty where neither says it."""
    said = {name: part.split()[0] for part in COLUMNS.get(table, "").split(";") for name in part.split()[1:]}
    return {name: kind_of(field) for name, field in FIELDS[table].items()} | said


def kind_of(field):
    if field.primary_key or field.column == "tenant_id":
        return "key"
    if isinstance(field, ForeignKey):
        return "link"
    if isinstance(field, BooleanField) or field.flatchoices:
        return "state"
    return "time" if isinstance(field, DateTimeField) else ""


# Copies on their way to somebody: without links, they outlive what they tell of, and are gone in days.
ON_THEIR_WAY = (
    "outbox_",
    "notifications_notification",
    "notifications_dispatch",
    "notifications_mail",
    "webhooks_delivery",
    "webhooks_attempt",
    "webhooks_breaker",
)
CLASSES = {
    table: kinds_of(table)
    for table, fields in FIELDS.items()
    if ("tenant_id" in fields or table == "tenants_tenant") and not table.startswith(ON_THEIR_WAY)
}
# The rows that are damaged: all kinds of a table's rows, one of each. Else: any one.
ROWS = {
    "support_ticket": ("number = 1", "number = 2", "number = 3", "number = 4"),
    "conversations_conversation": ("id IN (SELECT conversation_id FROM support_ticket WHERE number = 1)",
                                   "id IN (SELECT conversation_id FROM support_ticket WHERE number = 2)"),
    "conversations_message": ("sender_role = 'customer' AND sequence = 1", "sender_role = 'agent'", "sender_role = 'system'"),
    "conversations_participant": ("role = 'customer'", "role = 'member' AND left_at IS NULL"),
    "accounts_membership": ("role = 'customer'", "is_support_user"),
    "support_ticketevent": ("kind = 'opened'", "kind = 'closed'", "kind = 'reopened'", "kind = 'claimed'"),
}  # fmt: skip
# What another word of the list, another row, or another time may rightly stand in: nothing else knows better.
FREE = {
    # states that somebody chooses
    "accounts_membership.language", "accounts_membership.role", "accounts_membership.is_support_user",
    "accounts_membership.is_view_only", "datafixes_fixrun.status", "datafixes_fixrun.is_final", "deliveries_delivery.status",
    "orders_order.status", "orders_order.payment_status", "support_cannedreply.language", "support_ticket.priority",
    "support_ticket.source", "support_ticketevent.kind", "tenants_tenant.status", "tenants_tenant.time_zone", "tenants_tenant.language",
    "webhooks_endpoint.is_active", "support_policy.is_active", "support_policyversion.pauses_on_customer",
    "support_policyversion.pauses_while_snoozed", "files_storedfile.has_views", "files_storedfile.reason", "files_storedfile.state",
    # links that say who or what by themselves
    "support_cannedreply.owner_id", "support_macro.owner_id",
    "accounts_apikey.created_by_id", "accounts_membership.user_id", "accounts_refreshfamily.user_id", "accounts_refreshfamily.api_key_id",
    "accounts_settingschange.actor_id", "support_calendarversion.actor_id", "support_calendarversion.calendar_id",
    "support_policyversion.actor_id", "support_policyversion.calendar_id", "support_policyversion.policy_id",
    "support_ticketclock.ticket_id", "support_ticketclock.policy_version_id", "support_ticketclock.calendar_version_id",
    "support_ticketterms.ticket_id", "support_ticketterms.policy_version_id", "support_ticketterms.calendar_version_id",
    "support_savedview.audience", "support_savedview.owner_id",
    "files_storedfile.uploader_id", "deliveries_delivery.customer_id", "deliveries_delivery.order_id",
    "notifications_preferences.membership_id", "notifications_text.channel", "notifications_text.language", "orders_order.customer_id", "orders_orderitem.order_id", "support_ticket.closed_by_id", "support_ticketevent.actor_id",
    "support_ticketevent.ticket_id", "support_ticketnote.author_id", "support_ticketnote.ticket_id", "support_tickettag.tag_id",
    "support_draft.ticket_id", "support_draft.membership_id", "support_draft.kind", "support_draft.status", "support_draft.closes",
    "support_tickettag.ticket_id", "support_ticketviewer.membership_id", "support_ticketviewer.ticket_id", "datafixes_fiximage.run_id",
}  # fmt: skip
# Single values that may rightly stand there.
FREE_VALUES = {
    "conversations_participant.role another admin (role = 'member' AND left_at IS NULL)",
    "support_ticket.assignee_id another (number = 2)",  # closed
    "support_ticket.delivery_id another (number = 4)",  # of the same customer, with no other open ticket
}  # fmt: skip
# Numbers that may rightly be lower: who has read less, and a number that says nothing but itself. Or higher: some are left out.
LESS, MORE = (
    {"conversations_participant.last_read_sequence", "support_ticket.number"},
    {"support_ticketcounter.last_number"},
)
# Times that nothing in the database is earlier than: only one that lies ahead is seen to be wrong.
FIRST = {
    "notifications_sendercode.asked_at", "notifications_senderdomain.created_at", "notifications_suppression.created_at",
    "accounts_apikey.created_at", "accounts_membership.created_at", "accounts_refreshfamily.created_at",
    "accounts_settingschange.created_at", "files_storedfile.created_at", "api_idempotencyrecord.created_at", "datafixes_fixrun.started_at",
    "deliveries_delivery.created_at", "orders_order.created_at", "support_ticketviewer.seen_at",
    "tenants_portalsettings.updated_at", "tenants_tenant.created_at", "webhooks_endpoint.created_at",
    "support_calendarversion.created_at", "support_policyversion.created_at",
}  # fmt: skip
ENDS = {"accounts_apikey.expires_at", "accounts_refreshfamily.expires_at"}  # lie ahead
KINDS = {"links": ("link",), "copies and states": ("copied", "state"), "times": ("time",)}
APPEND_ONLY = "support_ticketevent, accounts_settingschange, support_calendarversion, support_policyversion"
NOWHERE = UUID("00000000-0000-7000-8000-000000000000")


def one(query, *arguments):
    found = every(query, *arguments)
    return found[0][0] if found else None


def every(query, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        return cursor.fetchall()


@pytest.fixture
def tenant():
    """One desk in order, with a row in every table and tickets in every state."""
    tenant = TenantFactory(slug="tigris", acknowledgement_html={"en": "<p>Thank you</p>"})
    agent, colleague = (MemberFactory(tenant=tenant, agent=True) for _number in range(2))
    customers = [MemberFactory(tenant=tenant, language="en") for _number in range(2)]
    deliveries = [DeliveryFactory(tenant=tenant, customer=person, order=OrderFactory(tenant=tenant, customer=person))
                  for person in customers]  # fmt: skip
    answered = make_ticket(customers[0], delivery=deliveries[0], agent=agent)
    closed = make_ticket(customers[1], delivery=deliveries[1], agent=colleague)
    make_ticket(customers[0], order=OrderFactory(tenant=tenant, customer=customers[0]))
    reopened = make_ticket(customers[1], agent=agent)
    now = timezone.now()
    with tenant_scope(tenant.id):
        for ticket, person in ((answered, agent), (closed, colleague), (reopened, agent)):
            post_message(actor=actor(person), conversation_id=ticket.conversation_id, content="On its way.")
        post_message(actor=actor(customers[0]), conversation_id=answered.conversation_id, content="Still nothing.")
        post_message(actor=actor(agent), conversation_id=answered.conversation_id, content="Sorry.")
        gone = Message.objects.filter(conversation=answered.conversation_id, content="Still nothing.").get()
        redact_message(conversation_id=answered.conversation_id, message_id=gone.id)
        for ticket, person in ((closed, colleague), (reopened, agent)):
            close_ticket(actor=actor(person), ticket_id=ticket.id)
        reopen_ticket(actor=actor(agent), ticket_id=reopened.id)
        snooze_ticket(actor=actor(agent), ticket_id=reopened.id, until=now + timedelta(days=1))
        write_note(actor=actor(agent), ticket_id=answered.id, content="Ask the courier.")
        said = Message.objects.get(conversation=answered.conversation_id, content="Sorry.")
        note = TicketNote.objects.get()
        tags = [Tag.objects.create(tenant=tenant, name=name) for name in ("late", "vip")]
        TicketTag.objects.create(tenant=tenant, ticket=answered, tag=tags[0])
        TicketViewer.objects.create(tenant=tenant, ticket=answered, membership=agent, seen_at=now)
        Draft.objects.create(
            tenant=tenant, ticket=answered, membership=agent, kind="reply", content="x", updated_at=now
        )
        NotificationPreferences.objects.create(tenant=tenant, membership=agent)
        NotificationText.objects.create(
            tenant=tenant, notification_type="support_reply", channel="in_app", language="en", title="News"
        )
        Suppression.objects.create(tenant=tenant, address_hash="x", reason="refused")
        SenderDomain.objects.create(tenant=tenant, domain="shop.example")
        SenderCode.objects.create(tenant=tenant, address="help@shop.example", asked_at=now, proved_at=now)
        CannedReply.objects.create(tenant=tenant, shortcut="hello", language="en", content="Hello", owner=agent)
        Macro.objects.create(tenant=tenant, name="Done", key=1, owner=agent, steps=[{"action": "close", "values": {}}])
        SavedView.objects.create(
            tenant=tenant, audience="own", owner=agent, name="Urgent", query="tab=open&priority=urgent", position=1
        )
        OrderItem.objects.create(tenant=tenant, order=deliveries[0].order, position=1, name="Lamp")
        StreamTicket.objects.create(tenant=tenant, user_id=agent.user_id, session_id=new_id(), ticket_hash="x",
                                    expires_at=now, ends_at=now)  # fmt: skip
        ApiKey.objects.create(tenant=tenant, name="shop", prefix="x", key_hash="x", created_by=agent)
        SettingsChange.objects.create(tenant=tenant, actor=agent)
        RefreshFamily.objects.create(tenant=tenant, user=agent.user, current_jti=new_id(), issued_at=now,
                                     expires_at=now + timedelta(days=7))  # fmt: skip
        IdempotencyRecord.objects.create(tenant_id=tenant.id, user_id=agent.user_id, method="POST", path="/x", key="k",
                                         body_hash="x", status=200, response={}, created_at=now)  # fmt: skip
        run = FixRun.objects.create(
            tenant=tenant, command="x", operator="x", started_at=now, finished_at=now, status="done"
        )
        FixRun.objects.create(tenant=tenant, command="y", operator="x", started_at=now, finished_at=now, status="done")
        FixImage.objects.create(
            tenant=tenant, run=run, item="x", position=0, table_name="support_ticket", row_id=new_id()
        )
        assert TicketCounter.objects.filter(tenant=tenant).exists()
    make_webhook(MemberFactory(tenant=tenant, admin=True))
    make_promise(answered, first_response=60, resolution=480)
    make_file(agent, sent_with=said)
    make_file(agent, sent_with=note, state="checking")
    return tenant


@contextmanager
def no_links(owner):
    """Without the foreign keys of tenants' tables; put back, and so checked, once all damage is undone."""
    tables = list(CLASSES)
    links = owner.execute("SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' "
                          "AND conrelid::regclass::text = ANY (%s)", [tables]).fetchall()  # fmt: skip
    for table, name, _definition in links:
        owner.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    try:
        yield {name for _table, name, _definition in links}
    finally:
        for table, name, definition in links:
            owner.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')


@contextmanager
def undone(tenant):
    """A transaction in the tenant's scope of which nothing stays."""
    with transaction.atomic():
        set_scope([tenant.id])
        yield
        transaction.set_rollback(True)


def test_every_column_is_classified(tenant):
    columns = every(
        "SELECT relname, array_agg(attname::text) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relrowsecurity AND attnum > 0 "
        "AND NOT attisdropped AND attgenerated = '' "  # what the database makes itself nobody can write
        "GROUP BY relname"
    )
    found = {table: set(names) for table, names in columns if not table.startswith(ON_THEIR_WAY)}
    assert found == {table: set(names) for table, names in CLASSES.items()}, (
        "a column without a field stands in COLUMNS"
    )
    unknown = [f"{table}.{name}" for table, names in CLASSES.items() for name, kind in names.items() if not kind]
    assert unknown == [], "say in COLUMNS whether it is copied from other rows, or plain"
    links = every(
        "SELECT conrelid::regclass::text, attname::text FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid "
        "AND attnum = ANY (conkey) WHERE contype = 'f' AND attname <> 'tenant_id' AND conrelid::regclass::text = ANY (%s)",
        list(CLASSES),
    )
    declared = {(table, name) for table, names in CLASSES.items() for name, kind in names.items() if kind == "link"}
    assert set(links) == declared, "a link of the database is a TenantForeignKey of the model, or stands in COLUMNS"
    times = every("SELECT table_name, column_name FROM information_schema.columns WHERE data_type LIKE 'timestamp%%' "
                  "AND table_name = ANY (%s)", list(CLASSES))  # fmt: skip
    assert {CLASSES[table][name] for table, name in times} == {"time", "plain", "copied"}
    with undone(tenant):
        empty = [table for table in CLASSES if one(f"SELECT count(*) FROM {table}") == 0]
    assert empty == [], "the fixture `tenant` makes a row in every table"


def values(table, column, row):
    """Wrong values for this column of this row: (what it is, value). `row` is what stands there."""
    kind, now = CLASSES[table][column], row[column]
    field = FIELDS[table].get(column)
    if kind == "link":
        yield "nowhere", NOWHERE
        target = field.related_model._meta.db_table
        if (
            other := one(f"SELECT id FROM {target} WHERE id IS DISTINCT FROM %s ORDER BY id DESC LIMIT 1", now)
        ) is not None:
            yield "another", other
    elif kind == "copied":
        if isinstance(now, int):
            if f"{table}.{column}" not in MORE:
                yield "more", now + 1000
            if now and f"{table}.{column}" not in LESS:
                yield "less", now - 1
        elif column.endswith("_event"):
            yield "another", json.dumps({"code": "ticket_closed", "params": {"x": 1}})
        elif column.endswith("_at"):
            yield "another", now - timedelta(minutes=5)
        else:
            yield "another", "x"
    elif kind == "state":
        if isinstance(now, bool):
            yield "another", not now
            return
        yield "unknown", "zz"
        others = [value for value, _label in field.flatchoices or () if value != now]
        yield from (("another", value) for value in (others[:1] if f"{table}.{column}" in FREE else others))
    elif kind == "time":
        if f"{table}.{column}" not in ENDS:
            yield "ahead", "2199-01-01T00:00:00Z"
        yield "past", "0001-01-01T00:00:00Z"


def damages(tenant):
    """Everything that is done: (name, statement, arguments)."""
    for table, columns in CLASSES.items():
        key = "tenant_id" if "id" not in columns else "id"
        for where in ROWS.get(table, ("true",)):
            found = every(f"SELECT to_jsonb(t), {key} FROM {table} AS t WHERE {where} ORDER BY {key} LIMIT 1")
            assert found, (table, where)
            raw = every(f"SELECT {', '.join(columns)} FROM {table} WHERE {key} = %s", found[0][1])[0]
            row = dict(zip(columns, raw, strict=True))
            for column, kind in columns.items():
                if column == key or kind in ("key", "plain"):
                    continue
                if kind == "time" and where in ("number = 3", "number = 4"):
                    continue  # as of the others
                for what, value in values(table, column, row):
                    which = f" {value}" if what == "another" and kind == "state" else ""
                    name = f"{table}.{column} {what}{which} ({where})"
                    yield name, kind, what, f"UPDATE {table} SET {column} = %s WHERE {key} = %s", [value, row[key]]


def refusal(tenant, statement, arguments):
    """The constraint that refuses this; None where it is let in."""
    try:
        with undone(tenant), connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError as error:
        return getattr(error.__cause__.diag, "constraint_name", None) or str(error).splitlines()[0]
    return None


def readers():
    """Who may read which conversation, and who may write in it: as far as rows say so."""
    workbench = set(every("SELECT c.id, m.id FROM conversations_conversation AS c, accounts_membership AS m JOIN accounts_user AS u "
                     "ON u.id = m.user_id WHERE m.is_support_user AND m.ended_at IS NULL AND u.is_active"))  # fmt: skip
    customers = set(every("SELECT conversation_id, requester_id FROM support_ticket UNION SELECT conversation_id, membership_id "
                          "FROM conversations_participant WHERE role = 'customer'"))  # fmt: skip
    return workbench | customers


def writers():
    return set(every(
        "SELECT c.id, p.membership_id FROM conversations_conversation AS c JOIN conversations_participant AS p "
        "ON p.conversation_id = c.id WHERE p.left_at IS NULL AND c.status = 'active'"
    ))  # fmt: skip


def words():
    return Counter(every(
        "SELECT content FROM conversations_message UNION ALL SELECT content FROM support_ticketnote "
        "UNION ALL SELECT title FROM conversations_conversation UNION ALL SELECT subject FROM support_ticket"
    ))  # fmt: skip


def unread():
    return set(every(
        "SELECT p.membership_id, m.id FROM conversations_participant AS p JOIN conversations_message AS m "
        "ON m.conversation_id = p.conversation_id AND m.sequence > p.last_read_sequence"
    ))  # fmt: skip


def picture():
    """Every row but what undo adds and what goes on counting; by table, in one statement."""
    kept = [table for table in CLASSES if not table.startswith("datafixes_") and table != "support_ticketevent"]
    rows = "SELECT '{0}', md5(string_agg(row, '|' ORDER BY row)) FROM (SELECT (to_jsonb(t) - 'version' - 'updated_at')::text AS row FROM {0} AS t) AS t"
    return dict(every(" UNION ALL ".join(rows.format(table) for table in kept)))


def repaired(found):
    """Run what the doctor says; the runs, and the faults of what they must not do."""
    runs = []
    for report in found:
        if report["repair"]:
            arguments = report["repair"].removeprefix("manage.py ").split()
            out = io.StringIO()
            call_command(*arguments, "--apply", "--json", stdout=out, stderr=io.StringIO())
            runs += [one_report["run"] for one_report in json.loads(out.getvalue())]
    return runs


def faults_of(tenant, statement, arguments):
    """What the doctor calls this damage, and what is wrong with its repairs."""
    might_write = writers()
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
    found = examine(tenant.slug, tenant.id)
    named = {report["finding"] for report in found}
    if not any(report["repair"] for report in found):
        return named, []
    set_scope([tenant.id])
    damaged, read, wrote, said, new = picture(), readers(), writers() | might_write, words(), unread()
    runs = repaired(found)
    set_scope([tenant.id])
    faults = []
    if extra := readers() - read:
        faults.append(f"lets in {extra}")
    if extra := writers() - wrote:
        faults.append(f"lets write {extra}")
    if words() != said:
        faults.append("loses words")
    if lost := new - unread():
        faults.append(f"reads {lost}")
    for run in reversed(runs):
        out = io.StringIO()
        try:
            call_command("data_fixes", "undo", run, stdout=out, stderr=io.StringIO())
        except CommandError:
            faults.append(f"is not undone: {out.getvalue()}")
    set_scope([tenant.id])
    if (back := picture()) != damaged:
        faults.append(f"does not come back: {[table for table in back if back[table] != damaged[table]]}")
    return named, faults


@pytest.mark.parametrize("part", ["links", "copies and states", "times"])
def test_every_damage_is_refused_or_named_and_no_repair_does_harm(tenant, owner, part):
    assert examine(tenant.slug, tenant.id) == []
    with undone(tenant):
        planned = [damage for damage in damages(tenant) if damage[1] in KINDS[part]]
    assert len(planned) > 50
    owner().execute(f"GRANT UPDATE, DELETE ON {APPEND_ONLY} TO ondi")
    try:
        refused = {name: refusal(tenant, statement, arguments) for name, _kind, _what, statement, arguments in planned}
        wrong = {}
        with no_links(owner()) as keys:
            for name, kind, what, statement, arguments in planned:
                by_key = kind == "link" and what == "nowhere"
                if refused[name] and not (by_key and refused[name] in keys):
                    continue
                with undone(tenant):
                    named, faults = faults_of(tenant, statement, arguments)
                column = name.split()[0]
                free = (
                    (what == "another" and column in FREE)
                    or (what == "past" and column in FIRST)
                    or name in FREE_VALUES
                )
                if not named and not free:
                    faults.append("is not named")
                if by_key and not refused[name]:
                    faults.append("no constraint refuses it")
                if faults:
                    wrong[name] = (sorted(named), faults)
        assert not wrong, "\n".join([
            "No constraint refuses it and the doctor does not name it (or its repair harms): give it one, or list it as free.",
            *(f"{name}: {what}" for name, what in wrong.items()),
        ])  # fmt: skip
    finally:
        owner().execute(f"REVOKE UPDATE, DELETE ON {APPEND_ONLY} FROM ondi")


def test_no_row_goes_to_another_tenant(tenant):
    """The key of a row and the tenant it names: refused by a constraint or by the wall, in every table."""
    other = TenantFactory()
    for table, columns in CLASSES.items():
        if "tenant_id" in columns:
            statement = f"UPDATE {table} SET tenant_id = %s WHERE tenant_id = %s"
            for target in (other.id, NOWHERE):
                assert refusal(tenant, statement, [target, tenant.id]), table
