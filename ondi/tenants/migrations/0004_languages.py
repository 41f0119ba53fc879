"""Kurdish and Persian."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_vouching")]

    operations = [
        migrations.AlterField(
            model_name="tenant",
            name="language",
            field=models.CharField(
                choices=[("en", "English"), ("ar", "Arabic"), ("ku", "Kurdish"), ("fa", "Persian")],
                default="en",
                max_length=8,
                verbose_name="language",
            ),
        ),
    ]
