"""Tags and shortcuts of canned replies do not differ by capitals only.

Tags that do become one, the oldest: tickets and their history name that. Shortcuts are kept in lower case; where one is
there already in the language, the later one gets a number.
"""

from typing import Any

from django.db import migrations, models
from django.db.models.functions import Lower

LONGEST_SHORTCUT = 40

DOUBLE_TAGS = """
SELECT tenant_id, (array_agg(id ORDER BY id))[1], (array_agg(id ORDER BY id))[2:] FROM support_tag
GROUP BY tenant_id, lower(name) HAVING count(*) > 1
"""
MERGE = (
    # A ticket that has several of them keeps one.
    """DELETE FROM support_tickettag AS held USING support_tickettag AS beside
       WHERE held.tenant_id = %(tenant)s AND held.tag_id = ANY (%(others)s) AND beside.tenant_id = held.tenant_id
           AND beside.ticket_id = held.ticket_id
           AND (beside.tag_id = %(kept)s OR beside.tag_id = ANY (%(others)s) AND beside.tag_id < held.tag_id)""",
    "UPDATE support_tickettag SET tag_id = %(kept)s WHERE tenant_id = %(tenant)s AND tag_id = ANY (%(others)s)",
    """UPDATE support_ticketevent SET
           before = CASE WHEN before ->> 'tag' IS NULL THEN before ELSE jsonb_build_object('tag', %(kept)s::text) END,
           after = CASE WHEN after ->> 'tag' IS NULL THEN after ELSE jsonb_build_object('tag', %(kept)s::text) END
       WHERE tenant_id = %(tenant)s AND kind IN ('tag_added', 'tag_removed')
           AND COALESCE(before ->> 'tag', after ->> 'tag') = ANY (%(others)s::text[])""",
    "DELETE FROM support_tag WHERE tenant_id = %(tenant)s AND id = ANY (%(others)s)",
)
# What is lower-case already keeps its shortcut; of the others the older.
SHORTCUTS = """
SELECT id, tenant_id, language, shortcut FROM support_cannedreply
ORDER BY tenant_id, language, (shortcut = lower(shortcut)) DESC, id
"""
# What waits for the end of the transaction would keep the constraints from being added.
CHECK_NOW = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;"


def resolve(_apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(DOUBLE_TAGS)
        for tenant, kept, others in cursor.fetchall():
            for statement in MERGE:
                cursor.execute(statement, {"tenant": tenant, "kept": kept, "others": others})
        cursor.execute(SHORTCUTS)
        taken: set[tuple[Any, str, str]] = set()
        for key, tenant, language, shortcut in cursor.fetchall():
            free = _free(shortcut.lower(), tenant, language, taken)
            taken.add((tenant, language, free))
            if free != shortcut:
                cursor.execute("UPDATE support_cannedreply SET shortcut = %s WHERE id = %s", [free, key])
        cursor.execute(CHECK_NOW)


def _free(shortcut: str, tenant: Any, language: str, taken: set[tuple[Any, str, str]]) -> str:
    found, number = shortcut, 1
    while (tenant, language, found) in taken:
        number += 1
        found = f"{shortcut[: LONGEST_SHORTCUT - len(str(number)) - 1]}-{number}"
    return found


class Migration(migrations.Migration):
    dependencies = [("support", "0011_closings")]

    operations = [
        migrations.RunPython(resolve, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="tag", name="support_tag_name"),
        migrations.AddConstraint(
            model_name="tag",
            constraint=models.UniqueConstraint(
                models.F("tenant"),
                Lower("name"),
                name="support_tag_name_any_case",
                violation_error_message="This tag is there already; capitals make no difference.",
            ),
        ),
        migrations.AddConstraint(
            model_name="cannedreply",
            constraint=models.CheckConstraint(
                condition=models.Q(shortcut=Lower("shortcut")), name="support_canned_reply_lower_case"
            ),
        ),
        migrations.AlterConstraint(
            model_name="cannedreply",
            name="support_canned_reply_shortcut",
            constraint=models.UniqueConstraint(
                fields=("tenant", "shortcut", "language"),
                name="support_canned_reply_shortcut",
                violation_error_message="This shortcut is there already in this language.",
            ),
        ),
    ]
