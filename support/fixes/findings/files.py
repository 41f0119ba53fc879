"""What rows say of files. Whether their bytes are there `support/fixes/files.py` looks at, which takes longer."""

from collections.abc import Iterator

from support.fixes.findings.parts import IDS, MINE, THESE, Finding, held, rows

PARENTS = {"message": "conversations_message", "note": "support_ticketnote"}
HOLD_FILES = (held("files_storedfile", IDS),)


def _attached(kind: str) -> str:
    """SQL of how many files there are of `t`."""
    return (
        "(SELECT count(*) FROM files_storedfile AS f WHERE f.tenant_id = t.tenant_id AND f.state <> 'removed' "
        f"AND f.parent_kind = '{kind}' AND f.parent_id = t.id)"
    )


def _counts(kind: str, *, redacted: str, hold: tuple[str, ...]) -> Iterator[Finding]:
    table, attached = PARENTS[kind], _attached(kind)
    yield Finding(
        f"{kind}_attachment_count", f"a {kind} does not count the files that it has",
        # Counted again, what nobody may see any more would be shown.
        f"SELECT t.id, t.attachment_count || ', attached ' || {attached}, CASE WHEN {redacted} THEN "
        f"'it was taken back, and has files' END AS doubt FROM {table} AS t "
        f"WHERE {MINE} AND t.attachment_count <> {attached}",
        (f"UPDATE {table} AS t SET attachment_count = {attached} WHERE {THESE}",), rows(table), hold,
    )  # fmt: skip


def _without_parent() -> str:
    return " UNION ALL ".join(
        "SELECT t.id, t.parent_kind || ' ' || t.parent_id, CASE WHEN EXISTS (SELECT FROM datafixes_fiximage AS i "
        "WHERE i.tenant_id = t.tenant_id AND i.row_id = t.parent_id AND i.after IS NULL) "
        f"THEN 'a data fix may bring its {kind} back' END AS doubt FROM files_storedfile AS t "
        f"WHERE {MINE} AND t.parent_kind = '{kind}' AND NOT EXISTS (SELECT FROM {table} AS there "
        "WHERE there.tenant_id = t.tenant_id AND there.id = t.parent_id)"
        for kind, table in PARENTS.items()
    )


FINDINGS = [
    *_counts(
        "message", redacted="t.message_type <> 'text'",
        hold=(
            held("support_ticket", "t.conversation_id IN (SELECT m.conversation_id FROM conversations_message AS m "
                 "WHERE m.tenant_id = t.tenant_id AND m.id = ANY (%(keys)s))"),
            held("conversations_message", IDS),
        ),
    ),
    *_counts(
        "note", redacted="false",
        hold=(
            held("support_ticket", "t.id IN (SELECT n.ticket_id FROM support_ticketnote AS n "
                 "WHERE n.tenant_id = t.tenant_id AND n.id = ANY (%(keys)s))"),
        ),
    ),
    Finding(
        "file_without_parent", "a file was sent with something that is not there",
        _without_parent(),
        # Its uploader's draft again: nobody else sees it, and unless it is undone the sweep deletes it after its day.
        (f"UPDATE files_storedfile AS t SET parent_kind = '', parent_id = NULL WHERE {THESE}",),
        rows("files_storedfile"), HOLD_FILES,
    ),
    Finding(
        "file_check_ahead", "a file that waits to be checked will not be for a long time",
        f"SELECT t.id, t.next_at::text FROM files_storedfile AS t WHERE {MINE} AND t.next_at > now() + interval '1 hour'",
        (f"UPDATE files_storedfile AS t SET next_at = now() WHERE {THESE}",), rows("files_storedfile"), HOLD_FILES,
    ),
    Finding(
        "file_unchecked", "a file has waited for more than an hour to be checked",
        f"SELECT t.id, t.attempts || ' times tried, due ' || t.next_at FROM files_storedfile AS t WHERE {MINE} "
        "AND t.state = 'checking' AND (t.next_at < now() - interval '1 hour' "
        "OR t.attempts > 6 AND t.created_at < now() - interval '1 hour')",
        look_at="see whether `manage.py work` runs, and in its log ('file not checked') whether the place of files or "
        "the scanner is away; it is tried again by itself",
    ),
]  # fmt: skip
