"""What people write and have not sent: drafts, behind the wall, gone with their ticket; which are to be sent."""

from importlib import import_module

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import ondi.common.database
import ondi.common.ids
from ondi.common.database import TenantLinks, TenantTable

ERASE = import_module("support.migrations.0018_files").ERASE_WITH_FILES
PURGE = import_module("support.migrations.0020_service_level_rules").PURGE_WITH_CLOCKS
# Before the ticket: who sends a draft locks it first, too.
ORDERS = "    PERFORM FROM public.orders_order AS o"
BEGIN = "BEGIN\n"
VIEWERS = "    DELETE FROM public.support_ticketviewer"
assert ERASE.count(ORDERS) == PURGE.count(BEGIN) == PURGE.count(VIEWERS) == 1
ERASE_WITH_DRAFTS = ERASE.replace(
    ORDERS,
    """    DELETE FROM public.support_draft AS d WHERE d.tenant_id = member.tenant_id AND d.ticket_id IN (
        SELECT t.id FROM public.support_ticket AS t
        WHERE t.tenant_id = member.tenant_id AND t.requester_id = member.id);
"""
    + ORDERS,
)
PURGE_WITH_DRAFTS = PURGE.replace(
    BEGIN,
    BEGIN
    + """    PERFORM FROM public.support_draft AS d
        WHERE d.tenant_id = ANY (scope) AND d.ticket_id = ANY (wanted) ORDER BY d.id FOR UPDATE;
""",
).replace(
    VIEWERS,
    """    DELETE FROM public.support_draft WHERE tenant_id = ANY (scope) AND ticket_id = ANY (tickets);
"""
    + VIEWERS,
)
# Each tenant in turn, so that nobody waits for another's many.
TO_SEND = """
CREATE FUNCTION ondi_drafts_to_send(now timestamptz, most integer) RETURNS TABLE (id uuid, tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT due.id, due.tenant_id FROM (
        SELECT d.id, d.tenant_id, d.send_at,
            row_number() OVER (PARTITION BY d.tenant_id ORDER BY d.send_at, d.id) AS turn
        FROM public.support_draft AS d WHERE d.send_at <= now
    ) AS due ORDER BY due.turn, due.send_at, due.id LIMIT most
$$;
REVOKE ALL ON FUNCTION ondi_drafts_to_send(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_drafts_to_send(timestamptz, integer) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_own_settings"),
        ("support", "0024_texts_and_macros"),
        ("tenants", "0006_files"),
    ]

    operations = [
        migrations.CreateModel(
            name="Draft",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ondi.common.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("reply", "Reply"), ("note", "Internal note")], max_length=5, verbose_name="kind"
                    ),
                ),
                ("content", models.TextField(blank=True, verbose_name="text")),
                (
                    "files",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), default=list, size=None, verbose_name="files"
                    ),
                ),
                ("sequence", models.PositiveIntegerField(null=True)),
                ("assignee", models.UUIDField(null=True)),
                (
                    "status",
                    models.CharField(
                        blank=True, choices=[("open", "Open"), ("closed", "Closed")], default="", max_length=8
                    ),
                ),
                ("closes", models.BooleanField(default=False)),
                ("send_at", models.DateTimeField(null=True)),
                ("form", models.UUIDField(null=True)),
                ("refused", models.CharField(blank=True, default="", max_length=64)),
                ("updated_at", models.DateTimeField(verbose_name="updated")),
                (
                    "membership",
                    ondi.common.database.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.membership",
                        verbose_name="person",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                        verbose_name="tenant",
                    ),
                ),
                (
                    "ticket",
                    ondi.common.database.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="support.ticket",
                        verbose_name="ticket",
                    ),
                ),
            ],
            options={
                "verbose_name": "draft",
                "verbose_name_plural": "drafts",
                "indexes": [
                    models.Index(
                        condition=models.Q(("send_at__isnull", False)), fields=["send_at"], name="support_draft_due"
                    ),
                    models.Index(
                        condition=models.Q(
                            ("send_at__isnull", False), models.Q(("refused", ""), _negated=True), _connector="OR"
                        ),
                        fields=["tenant", "membership"],
                        name="support_draft_told",
                    ),
                    models.Index(fields=["tenant", "updated_at"], name="support_draft_age"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("send_at", None)),
                        fields=("tenant", "ticket", "membership", "kind"),
                        name="support_draft_one",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("send_at__isnull", False)),
                        fields=("tenant", "ticket", "membership", "kind"),
                        name="support_draft_one_waits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("closes", False), ("kind", "reply"), _connector="OR"),
                        name="support_draft_closes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("refused", ""), ("send_at", None), _connector="OR"),
                        name="support_draft_refused",
                    ),
                ],
            },
        ),
        TenantTable("Draft"),
        TenantLinks("Draft"),
        migrations.RunSQL(ERASE_WITH_DRAFTS, ERASE),
        migrations.RunSQL(PURGE_WITH_DRAFTS, PURGE),
        migrations.RunSQL(TO_SEND, "DROP FUNCTION ondi_drafts_to_send(timestamptz, integer)"),
    ]
