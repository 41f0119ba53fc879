"""Canned replies have folders, and may be one person's own; macros."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import ondi.common.ids
from ondi.common.database import TenantForeignKey, TenantLinks, TenantTable

OWNER = {
    "blank": True, "db_constraint": False, "db_index": False, "editable": False, "null": True,
    "on_delete": django.db.models.deletion.PROTECT, "related_name": "+", "to": "accounts.membership",
    "verbose_name": "only for",
}  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_key_sessions_hold"),
        ("support", "0023_one_search"),
        ("tenants", "0006_files"),
    ]

    operations = [
        migrations.AddField(
            "cannedreply",
            "folder",
            models.CharField(blank=True, db_default="", default="", max_length=60, verbose_name="folder"),
        ),
        migrations.AddField("cannedreply", "owner", TenantForeignKey(**OWNER)),
        migrations.RemoveConstraint("cannedreply", "support_canned_reply_shortcut"),
        migrations.AddConstraint(
            "cannedreply",
            models.UniqueConstraint(
                fields=("tenant", "shortcut", "language", "owner"),
                name="support_canned_reply_shortcut",
                nulls_distinct=False,
                violation_error_message="This shortcut is there already in this language.",
            ),
        ),
        TenantLinks("CannedReply"),
        migrations.CreateModel(
            name="Macro",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ondi.common.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("folder", models.CharField(blank=True, default="", max_length=60, verbose_name="folder")),
                (
                    "key",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(9),
                        ],
                        verbose_name="key",
                    ),
                ),
                ("steps", models.JSONField(default=list, verbose_name="what it does")),
                ("owner", TenantForeignKey(**OWNER)),
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
            ],
            options={"verbose_name": "macro", "verbose_name_plural": "macros", "ordering": ["folder", "name", "id"]},
        ),
        migrations.AddConstraint(
            "macro",
            models.UniqueConstraint(
                fields=("tenant", "name", "owner"),
                name="support_macro_name",
                nulls_distinct=False,
                violation_error_message="There is a macro of this name already.",
            ),
        ),
        migrations.AddConstraint(
            "macro",
            models.UniqueConstraint(
                condition=models.Q(("key__isnull", False)),
                fields=("tenant", "key", "owner"),
                name="support_macro_key",
                nulls_distinct=False,
                violation_error_message="Another macro has this key already.",
            ),
        ),
        migrations.AddConstraint(
            "macro",
            models.CheckConstraint(condition=models.Q(("key__range", (1, 9))), name="support_macro_key_is_a_digit"),
        ),
        TenantTable("Macro"),
        TenantLinks("Macro"),
    ]
