"""Kurdish and Persian."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("support", "0008_links_hold")]

    operations = [
        migrations.AlterField(
            model_name="cannedreply",
            name="language",
            field=models.CharField(
                choices=[("en", "English"), ("ar", "Arabic"), ("ku", "Kurdish"), ("fa", "Persian")],
                max_length=8,
                verbose_name="language",
            ),
        ),
    ]
