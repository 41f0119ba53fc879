"""The store of an order."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_database_rules")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="store",
            field=models.CharField(blank=True, max_length=100, null=True, verbose_name="store"),
        ),
    ]
