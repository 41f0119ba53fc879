"""A conversation's last message goes with it, and not from under it; the database's part: support, 0008."""

from django.db import migrations, models

from ondi.common.database import TenantForeignKey


class Migration(migrations.Migration):
    dependencies = [("conversations", "0002_database_rules")]

    operations = [
        migrations.AlterField(
            model_name="conversation",
            name="last_message",
            field=TenantForeignKey(
                blank=True, db_constraint=False, db_index=False, null=True, on_delete=models.RESTRICT,
                related_name="+", to="conversations.message", verbose_name="last message",
            ),
        ),
    ]  # fmt: skip
