"""The tenant wall around this app's tables."""

from django.db import migrations

from ondi.common.database import TenantLinks, TenantTable


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial"), ("accounts", "0002_database_rules")]

    operations = [
        TenantTable("Message", referenced=True),
        TenantTable("Conversation", referenced=True),
        TenantTable("Participant"),
        TenantLinks("Conversation"),
        TenantLinks("Message"),
        TenantLinks("Participant"),
    ]
