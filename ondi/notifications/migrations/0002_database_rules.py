from django.db import migrations

from ondi.common.database import TenantLinks, TenantTable


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [
        TenantTable("notification", referenced=True),
        TenantTable("notificationpreferences"),
        TenantLinks("notification"),
        TenantLinks("notificationpreferences"),
    ]
