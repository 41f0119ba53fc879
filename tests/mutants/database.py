"""Mutants of the database itself: from its catalogue, as the migrations made it, and not from their text.

Each is a statement of the owner that takes one wall, link, right or condition out, and one that brings it back.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import psycopg

from tests.mutants.sql import without_one_condition

# Who may see or touch what, and locks; how rows of one tenant go together is what the behaviour tests are about.
DECIDES_THE_SCOPE = "ondi_enter"
KEEPS_APART = re.compile(r"\bscope\b|= tenant\b|^FOR ")


class Change(NamedTuple):
    key: str
    words: str
    change: str
    back: str
    function: str = ""


# One that has a newer (`_2`) is called by the release before alone, stays as it was, and goes with the next.
FUNCTIONS = """
SELECT proname, pg_get_functiondef(oid), prosrc FROM pg_proc AS function
WHERE pronamespace = 'public'::regnamespace AND proowner = 'ondi_owner'::regrole
    AND NOT EXISTS (SELECT FROM pg_proc AS newer WHERE newer.proname ~ ('^' || function.proname || '_[0-9]+$'))
ORDER BY oid::regprocedure::text
"""
TABLES = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relrowsecurity ORDER BY 1"
POLICIES = """
SELECT tablename, policyname, qual FROM pg_policies WHERE policyname <> 'owner' AND schemaname = 'public' ORDER BY 1, 2
"""
LINKS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND cardinality(conkey) > 1 ORDER BY 2
"""
RIGHTS = """
SELECT relation.oid::regclass::text, kind FROM pg_class AS relation, unnest('{SELECT,UPDATE,DELETE}'::text[]) AS kind
WHERE relation.relkind = 'r' AND relation.relrowsecurity AND NOT has_table_privilege('ondi', relation.oid, kind)
ORDER BY 1, 2
"""


def changes(owner: psycopg.Connection) -> Iterator[Change]:
    for name, made, source in owner.execute(FUNCTIONS):
        conditions = list(without_one_condition(source))
        for number, (gone, changed) in enumerate(conditions, start=1):
            if not (name.startswith(DECIDES_THE_SCOPE) or KEEPS_APART.search(gone)):
                continue
            yield Change(f"database {name} sql {number}", gone, made.replace(source, changed), made, name)
    for (table,) in owner.execute(TABLES):
        begin = f"ALTER TABLE {table}"
        yield Change(f"database {table} wall 1", "row security", f"{begin} DISABLE ROW LEVEL SECURITY",
                     f"{begin} ENABLE ROW LEVEL SECURITY")  # fmt: skip
        yield Change(f"database {table} wall 2", "forced", f"{begin} NO FORCE ROW LEVEL SECURITY",
                     f"{begin} FORCE ROW LEVEL SECURITY")  # fmt: skip
    for table, policy, inside in owner.execute(POLICIES):
        begin = f"ALTER POLICY {policy} ON {table}"
        yield Change(f"database {table} policy {policy}", inside, f"{begin} USING (true) WITH CHECK (true)",
                     f"{begin} USING ({inside}) WITH CHECK ({inside})")  # fmt: skip
    for table, link, made in owner.execute(LINKS):
        yield Change(f"database {table} link {link}", made, f"ALTER TABLE {table} DROP CONSTRAINT {link}",
                     f"ALTER TABLE {table} ADD CONSTRAINT {link} {made}")  # fmt: skip
    for table, right in owner.execute(RIGHTS):
        yield Change(f"database {table} right {right}", right, f"GRANT {right} ON {table} TO ondi",
                     f"REVOKE {right} ON {table} FROM ondi")  # fmt: skip
