"""Taking one of the two walls between tenants away: row-level security, or filters of the code."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ondi.files.querysets import StoredFileQuerySet
from tests.architecture.test_database_rules import TABLES, WITHOUT_TENANT
from tests.hot import forget_compiled

OF_TENANTS = sorted(set(TABLES) - WITHOUT_TENANT)


@contextmanager
def without_row_level_security(owner: Callable[[], Any]) -> Iterator[None]:
    """The code's wall alone."""
    for table in OF_TENANTS:
        owner().execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    try:
        yield
    finally:
        for table in OF_TENANTS:
            owner().execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def take_away(monkeypatch: Any, filters: Mapping[tuple[type, str], Any]) -> None:
    """Put these in the place of filters of the code, until the test is over."""
    for (where, name), instead in filters.items():
        monkeypatch.setattr(where, name, instead)
    forget_compiled(monkeypatch)


def unfiltered(self: Any, *_arguments: Any) -> Any:
    return self.all()


# Whose doors are few: taken away in `tests/files/test_matrix.py`.
FILTERS_OF_FILES = {
    (StoredFileQuerySet, "visible_to"): unfiltered,
    (StoredFileQuerySet, "drafts_of"): lambda self, actor: self.drafts().filter(uploader_id=actor.membership_id),
}
