"""The tenant wall around this app's tables."""

from django.db import migrations

from ondi.common.database import TenantLinks, TenantTable


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial"), ("accounts", "0002_database_rules")]

    operations = [
        TenantTable("Order", referenced=True),
        TenantTable("OrderItem"),
        TenantLinks("Order"),
        TenantLinks("OrderItem"),
    ]
