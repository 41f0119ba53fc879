"""What has to be true of the data and SQL alone cannot hold: how to find what is not, and how to repair it.

A finding names its rows by `find`: key, detail and, where a row of it may be left to a person, why (`doubt`). The repair is
`repair`, for the rows of `%(keys)s`; `hold` locks what that needs, in the project's order, before anything is looked at.
All of it runs in one tenant, `%(tenant)s`. `footprint` are the tables that are touched.

No repair opens a conversation to anybody, loses a word, or makes an unread message a read one. Where two columns
contradict each other and either may be the wrong one, there is no repair: `look_at` says what a person has to compare.
A new invariant gets its row here and its damage in `tests/support/test_doctor.py`; `tests/support/test_damage.py`, which
knows nothing of this table, holds the rule.
"""

from support.fixes.findings import catalogue, conversations, files, people, settings, telling, tickets
from support.fixes.findings.parts import Finding

FINDINGS: list[Finding] = [
    *conversations.FINDINGS,
    *files.FINDINGS,
    *people.FINDINGS,
    *tickets.FINDINGS,
    *settings.FINDINGS,
    *telling.FINDINGS,
    *catalogue.FINDINGS,
]
