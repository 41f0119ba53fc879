"""The tenant wall around this app's tables."""

from django.db import migrations

from ondi.common.database import TenantLinks, TenantTable


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0001_initial"), ("orders", "0002_database_rules")]

    operations = [
        TenantTable("Delivery", referenced=True),
        TenantLinks("Delivery"),
    ]
