"""Addresses of a tenant's own that its mails come from: domains that are allowed, and codes that prove an address."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import ondi.common.ids
from ondi.common.database import TenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0009_own_texts"),
        ("tenants", "0005_portal_values"),
    ]

    operations = [
        migrations.CreateModel(
            name="SenderCode",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ondi.common.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("address", models.CharField(max_length=254)),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("proved_at", models.DateTimeField(null=True)),
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
                "verbose_name": "sender code",
                "verbose_name_plural": "sender codes",
                "indexes": [models.Index(fields=["tenant", "-asked_at"], name="notifications_sender_asked")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("proved_at__isnull", False)),
                        fields=("tenant", "address"),
                        name="notifications_sender_proved_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SenderDomain",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ondi.common.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("domain", models.CharField(max_length=253)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="created")),
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
                "verbose_name": "sender domain",
                "verbose_name_plural": "sender domains",
                "constraints": [models.UniqueConstraint(fields=("tenant", "domain"), name="notifications_domain_once")],
            },
        ),
        TenantTable("senderdomain"),
        TenantTable("sendercode"),
    ]
