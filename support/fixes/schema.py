"""Whether the database still is what the migrations made: walls, links, rules, indexes, functions and rights.

`schema.txt` is a picture of a freshly migrated database, a line a fact; a test keeps it, and `python -m tests.schema`
takes it anew. The doctor takes the same picture of the database it stands before and names every line that differs.
It reads PostgreSQL's catalogue alone, which the application's role may.

PostgreSQL 15 and 17 print all of it alike, to the letter (tried with 15.18 and 17.10). What a later version may print
otherwise is left out: NOT NULL as a constraint, rights of the owner, which are the version's; function bodies are
compared by hash. What only makes the database quicker or slower is not compared: operators may add indexes that refuse
nothing, and change storage.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.db import connection, transaction

PICTURE = Path(__file__).with_name("schema.txt")
_IN_PUBLIC = "c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
# Nothing that an extension brought; and of what is not ours (see `_ours`) nothing at all.
_NO_EXTENSION = "NOT EXISTS (SELECT FROM pg_depend WHERE objid = {}.oid AND deptype = 'e')"
# Each: table or function, what of it, and its text. Order by name, not by when it was made.
QUERIES = {
    "table": f"""
        SELECT c.relname, '', 'owner ' || pg_get_userbyid(c.relowner)
            || CASE WHEN c.relrowsecurity THEN ' row security' ELSE '' END
            || CASE WHEN c.relforcerowsecurity THEN ' forced' ELSE '' END
        FROM pg_class AS c WHERE {_IN_PUBLIC} AND {_NO_EXTENSION.format("c")}""",
    "column": f"""
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
            || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
            || CASE a.attidentity WHEN '' THEN '' ELSE ' identity ' || a.attidentity::text END
            || CASE WHEN d.oid IS NULL THEN '' WHEN a.attgenerated <> '' THEN ' generated ' ELSE ' default ' END
            || COALESCE(pg_get_expr(d.adbin, d.adrelid), '')
        FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE {_IN_PUBLIC} AND a.attnum > 0 AND NOT a.attisdropped""",
    "constraint": f"""
        SELECT c.relname, k.conname, pg_get_constraintdef(k.oid)
            || CASE WHEN k.convalidated THEN '' ELSE ' not validated' END
        FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
        WHERE {_IN_PUBLIC} AND k.contype IN ('c', 'f', 'p', 'u', 'x') AND k.conparentid = 0""",
    "index": f"""
        SELECT c.relname, i.relname, pg_get_indexdef(x.indexrelid)
            || CASE WHEN x.indisvalid THEN '' ELSE ' invalid' END
        FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS c ON c.oid = x.indrelid
        WHERE {_IN_PUBLIC}
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = x.indexrelid AND conrelid = c.oid)""",
    "policy": f"""
        SELECT c.relname, p.polname, CASE WHEN p.polpermissive THEN '' ELSE 'restrictive ' END
            || p.polcmd::text || ' to '
            || array_to_string(ARRAY(SELECT CASE one WHEN 0 THEN 'public' ELSE pg_get_userbyid(one) END
                                     FROM unnest(p.polroles) AS one ORDER BY 1), ',')
            || COALESCE(' using ' || pg_get_expr(p.polqual, p.polrelid), '')
            || COALESCE(' check ' || pg_get_expr(p.polwithcheck, p.polrelid), '')
        FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid WHERE {_IN_PUBLIC}""",
    "trigger": f"""
        SELECT c.relname, t.tgname, pg_get_triggerdef(t.oid)
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE {_IN_PUBLIC} AND NOT t.tgisinternal""",
    "rule": f"""
        SELECT c.relname, r.rulename, pg_get_ruledef(r.oid)
        FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE {_IN_PUBLIC}""",
    "right": f"""
        SELECT c.relname, CASE g.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(g.grantee) END,
            string_agg(lower(g.privilege_type), ',' ORDER BY g.privilege_type)
        FROM pg_class AS c, aclexplode(c.relacl) AS g
        WHERE {_IN_PUBLIC} AND g.grantee <> c.relowner GROUP BY 1, 2""",
    "function": f"""
        SELECT f.proname || '(' || pg_get_function_identity_arguments(f.oid) || ')', '', concat_ws(' ',
            pg_get_function_result(f.oid), l.lanname, 'owner ' || pg_get_userbyid(f.proowner), f.provolatile::text,
            'parallel ' || f.proparallel::text, CASE WHEN f.prosecdef THEN 'security definer' END,
            (SELECT string_agg(one, ' ' ORDER BY one) FROM unnest(f.proconfig) AS one),
            'callable by ' || array_to_string(ARRAY(
                SELECT CASE g.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(g.grantee) END
                FROM aclexplode(COALESCE(f.proacl, acldefault('f', f.proowner))) AS g
                WHERE g.grantee <> f.proowner ORDER BY 1), ','),
            'body ' || md5(f.prosrc))
        FROM pg_proc AS f JOIN pg_language AS l ON l.oid = f.prolang
        WHERE f.pronamespace = 'public'::regnamespace AND {_NO_EXTENSION.format("f")}""",
    "extension": "SELECT extname, '', '' FROM pg_extension WHERE extname <> 'plpgsql'",
    "statistics": "SELECT stxname, '', pg_get_statisticsobjdef(oid) FROM pg_statistic_ext",
}
# Of these more than the migrations make is none of our business.

Fact = tuple[str, str, str]  # kind, table or function, name
_IN_WORDS = {"column": "column", "right": "rights of"}


def picture() -> dict[Fact, str]:
    """What the catalogue says now, by kind, table and name."""
    facts: dict[Fact, str] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = public")  # names are printed as short as it allows
        for kind, query in QUERIES.items():
            cursor.execute(query)
            facts |= {
                (kind, str(table), str(name)): " ".join(str(text).split()) for table, name, text in cursor.fetchall()
            }
    return facts


def written(facts: dict[Fact, str]) -> str:
    """The picture as the file holds it: sorted, a line a fact."""
    return "".join(f"{' | '.join((*fact, text))}\n" for fact, text in sorted(facts.items()))


def _expected() -> dict[Fact, str]:
    lines = (line.split(" | ", 3) for line in PICTURE.read_text().splitlines())
    return {(kind, table, name): text for kind, table, name, text in lines}


def differences() -> Iterator[str]:
    """Every fact that is missing, is another, or is too much, in words."""
    expected, found = _expected(), picture()
    ours = {table for kind, table, _name in expected if kind == "table"}
    for fact in sorted(expected.keys() | found.keys()):
        kind, table, _name = fact
        if fact not in found:
            yield f"{_named(fact)} is missing; it should be: {expected[fact]}"
        elif fact not in expected:
            if _is_ours(kind, table, found[fact], ours):
                yield f"{_named(fact)} is not of the migrations: {found[fact]}"
        elif expected[fact] != found[fact]:
            yield f"{_named(fact)} is {found[fact]}; it should be: {expected[fact]}"


def _is_ours(kind: str, table: str, text: str, ours: Iterable[str]) -> bool:
    """Whether more of this kind, there, is a drift: it could open, refuse or change something."""
    if kind == "function":
        return "security definer" in text or table.startswith("ondi")
    return table in ours and not (kind == "index" and not text.startswith("CREATE UNIQUE"))


def _named(fact: tuple[Any, ...]) -> str:
    kind, table, name = fact
    return f"{_IN_WORDS.get(kind, kind)} {name} of {table}" if name else f"{kind} {table}"
