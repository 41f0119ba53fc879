"""The tenant wall around this app's tables."""

from django.db import migrations

from ondi.common.database import TenantLinks, TenantTable


class Migration(migrations.Migration):
    dependencies = [("datafixes", "0001_initial")]

    operations = [TenantTable("FixRun", referenced=True), TenantTable("FixImage"), TenantLinks("FixImage")]
