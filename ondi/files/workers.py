"""What the work process does for files."""

from ondi.files.checking import check_due
from ondi.outbox.workers import worker


@worker("files")
def files() -> int:
    return check_due()
