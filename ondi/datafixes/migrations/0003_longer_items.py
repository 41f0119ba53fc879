"""The name of an item has room for a kind beside the longest external id."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datafixes", "0002_database_rules")]

    operations = [migrations.AlterField("fiximage", "item", models.CharField(max_length=240))]
