"""The tenant wall around the kept answers."""

from django.db import migrations

from ondi.common.database import TenantTable


class Migration(migrations.Migration):
    dependencies = [("api", "0001_initial")]

    operations = [TenantTable("IdempotencyRecord")]
