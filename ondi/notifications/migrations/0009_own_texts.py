"""What tenants say in their own words, behind the wall of tenants."""

import django.db.models.deletion
from django.db import migrations, models

import ondi.common.ids
from ondi.common.database import TenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0008_of_subject"),
        ("tenants", "0005_portal_values"),
    ]

    operations = [
        migrations.CreateModel(
            name="NotificationText",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ondi.common.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("notification_type", models.CharField(max_length=40, verbose_name="type")),
                (
                    "channel",
                    models.CharField(
                        choices=[("in_app", "in_app"), ("email", "email"), ("push", "push")],
                        max_length=8,
                        verbose_name="channel",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("en", "English"), ("ar", "Arabic"), ("ku", "Kurdish"), ("fa", "Persian")],
                        max_length=8,
                        verbose_name="language",
                    ),
                ),
                ("title", models.CharField(blank=True, default="", max_length=120, verbose_name="title")),
                ("message", models.CharField(blank=True, default="", max_length=500, verbose_name="message")),
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
            options={
                "verbose_name": "text of notifications",
                "verbose_name_plural": "texts of notifications",
                "db_table": "notifications_text",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "notification_type", "channel", "language"), name="notifications_text_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("channel__regex", "^(in_app|email|push)$")),
                        name="notifications_text_channel",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("language__regex", "^(en|ar|ku|fa)$")),
                        name="notifications_text_language",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("message", ""), ("title", ""), _negated=True),
                        name="notifications_text_not_empty",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("title__regex", "^[^\\x01-\\x1f\\x7f]*$")),
                        name="notifications_text_title_is_a_line",
                    ),
                ],
            },
        ),
        TenantTable("notificationtext"),
    ]
