"""Who wants to see the first steps of a fresh tenant no more, kept with their login."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_own_settings"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="hides_first_steps",
            field=models.BooleanField(db_default=False, default=False, verbose_name="hides the first steps"),
        ),
    ]
