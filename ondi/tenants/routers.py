"""The owner's connection is for migrations; the application never reads or writes through it."""

from typing import Any


class OwnerIsForMigrations:
    def db_for_read(self, model: Any, **hints: Any) -> None:
        return None

    def allow_relation(self, left: Any, right: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Schema is made as owner. Both names are one database, so there is nothing to do for the other."""
        return db == "owner"
