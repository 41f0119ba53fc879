"""Whether a tenant is believed about its customers' addresses."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_database_rules")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="vouches_for_emails",
            field=models.BooleanField(
                default=False,
                help_text=(
                    "The business has proved its customers' addresses itself, and is believed for its own customers. "
                    "It opens no other tenant. Only platform operators decide this."
                ),
                verbose_name="proves its customers' e-mails",
            ),
        ),
    ]
