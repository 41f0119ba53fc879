"""What repeats for files."""

from datetime import timedelta

from ondi.files.sweeping import delete_unnamed, sweep
from ondi.outbox.chores import every


@every(timedelta(minutes=5), "sweep_files")
def sweep_files() -> int:
    return sweep()


@every(timedelta(days=1), "delete_unnamed_files")
def delete_unnamed_files() -> int:
    return delete_unnamed()
