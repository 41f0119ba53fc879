"""Tickets by phone, about either item or none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("support", "0012_one_case")]

    operations = [
        migrations.AlterField(
            model_name="ticket",
            name="source",
            field=models.CharField(
                choices=[
                    ("customer_portal", "Customer portal"),
                    ("storefront", "Storefront"),
                    ("restaurant", "Restaurant"),
                    ("phone", "Phone"),
                ],
                max_length=16,
                verbose_name="source",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("source", "phone"), _negated=True),
                    ("delivery__isnull", True),
                    ("order__isnull", True),
                    _connector="OR",
                ),
                name="support_ticket_phone_has_one_item",
            ),
        ),
    ]
