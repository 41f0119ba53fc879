"""Views of the queue that people save, and indexes by which tickets are narrowed without touching a row."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import ondi.common.database
import ondi.common.ids
from ondi.common.database import TenantLinks, TenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_key_sessions_hold"),
        ("conversations", "0005_files"),
        ("deliveries", "0004_store"),
        ("orders", "0003_store"),
        ("support", "0021_attend_in_turn"),
        ("tenants", "0006_files"),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ondi.common.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "audience",
                    models.CharField(
                        choices=[
                            ("own", "Only me"),
                            ("support_users", "All support users"),
                            ("leads", "Leads and admins"),
                            ("everybody", "Everybody who sees the queue"),
                        ],
                        max_length=16,
                        verbose_name="for",
                    ),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("query", models.CharField(max_length=2000, verbose_name="filters")),
                ("position", models.PositiveIntegerField(verbose_name="place")),
            ],
            options={
                "verbose_name": "view of the queue",
                "verbose_name_plural": "views of the queue",
            },
        ),
        migrations.RemoveIndex(
            model_name="ticket",
            name="support_ticket_closed",
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("status", "closed")),
                fields=["tenant", "-closed_at", "-id"],
                include=("priority", "source", "assignee", "created_at", "conversation"),
                name="support_ticket_closed_rows",
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("status", "open")),
                fields=["tenant", "-last_activity_at", "-id"],
                include=(
                    "waiting_on",
                    "waiting_since",
                    "priority",
                    "source",
                    "assignee",
                    "created_at",
                    "due_at",
                    "snoozed_until",
                    "conversation",
                ),
                name="support_ticket_open_rows",
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("status", "closed")),
                fields=["tenant", "assignee", "-closed_at", "-id"],
                name="support_ticket_closed_of",
            ),
        ),
        migrations.AddField(
            model_name="savedview",
            name="owner",
            field=ondi.common.database.TenantForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.membership",
                verbose_name="person",
            ),
        ),
        migrations.AddField(
            model_name="savedview",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenants.tenant",
                verbose_name="tenant",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("audience", "own"), ("owner__isnull", False)),
                    models.Q(models.Q(("audience", "own"), _negated=True), ("owner", None)),
                    _connector="OR",
                ),
                name="support_view_own_has_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                models.F("tenant"),
                models.F("owner"),
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("owner__isnull", False)),
                name="support_view_own_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                models.F("tenant"),
                models.F("audience"),
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("owner", None)),
                name="support_view_shared_name",
            ),
        ),
        TenantTable("SavedView"),
        TenantLinks("SavedView"),
    ]
