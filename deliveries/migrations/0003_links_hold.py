"""An order that a delivery carries cannot be taken from under it; the database's part: support, 0008."""

from django.db import migrations, models

from ondi.common.database import TenantForeignKey


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0002_database_rules"), ("orders", "0002_database_rules")]

    operations = [
        migrations.AlterField(
            model_name="delivery",
            name="order",
            field=TenantForeignKey(
                blank=True, db_constraint=False, db_index=False, null=True, on_delete=models.PROTECT,
                related_name="+", to="orders.order", verbose_name="order",
            ),
        ),
    ]  # fmt: skip
