"""The database's own part in keeping tenants apart; used by models and migrations.

`TenantTable` belongs into the migration of every table with a `tenant_id`: row-level security. `TenantLinks`
makes its links composite, so that no row can point into another tenant whatever the code does.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

OWNER_ROLE = "ondi_owner"
APPLICATION_ROLE = "ondi"
SCOPE_SETTING = "ondi.tenants"

# A sub-select, so that PostgreSQL reads the setting once a statement and not once a row.
IN_SCOPE = f"ANY ((SELECT string_to_array(NULLIF(current_setting('{SCOPE_SETTING}', true), ''), ',')::uuid[])::uuid[])"


def broken_constraint(error: BaseException) -> str | None:
    """The name of the constraint that the database says was broken; None where it was something else."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)


class TenantForeignKey(models.ForeignKey[Any, Any]):
    """A link between two rows of one tenant. The database's constraint is the composite one of `TenantLinks`."""

    def __init__(self, to: Any, on_delete: Any, **options: Any) -> None:
        options["db_constraint"] = False
        options.setdefault("db_index", False)  # indexes of tenants' tables begin with the tenant
        super().__init__(to, on_delete, **options)


class _TableOperation(Operation, ABC):
    """SQL about one table; Django's own picture of it does not change."""

    reversible = True

    def __init__(self, model: str) -> None:
        self.model = model

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing Django knows of changes."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for statement in self.forwards(to_state.apps.get_model(app_label, self.model)):
            schema_editor.execute(statement)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for statement in self.backwards(from_state.apps.get_model(app_label, self.model)):
            schema_editor.execute(statement)

    @abstractmethod
    def forwards(self, model: type[models.Model]) -> Iterable[str]: ...

    @abstractmethod
    def backwards(self, model: type[models.Model]) -> Iterable[str]: ...


class TenantTable(_TableOperation):
    """Put a table behind the tenant wall.

    `tenant_column`: the column that holds the tenant. `referenced`: other tables link to this one,
    which needs a unique (tenant_id, id). `append_only`: the application may add rows and never change one.
    """

    def __init__(
        self, model: str, *, tenant_column: str = "tenant_id", referenced: bool = False, append_only: bool = False
    ) -> None:
        super().__init__(model)
        self.tenant_column = tenant_column
        self.referenced = referenced
        self.append_only = append_only

    def describe(self) -> str:
        return f"Put {self.model} behind the tenant wall"

    def forwards(self, model: type[models.Model]) -> Iterable[str]:
        table = model._meta.db_table
        inside = f'"{self.tenant_column}" = {IN_SCOPE}'
        yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'
        yield f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY'
        yield f'CREATE POLICY app ON "{table}" TO {APPLICATION_ROLE} USING ({inside}) WITH CHECK ({inside})'
        yield f'CREATE POLICY owner ON "{table}" TO {OWNER_ROLE} USING (true) WITH CHECK (true)'
        if self.referenced:
            yield f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_tenant_id_id" UNIQUE (tenant_id, id)'
        if self.append_only:
            yield f'REVOKE UPDATE, DELETE ON "{table}" FROM {APPLICATION_ROLE}'

    def backwards(self, model: type[models.Model]) -> Iterable[str]:
        table = model._meta.db_table
        yield f'GRANT UPDATE, DELETE ON "{table}" TO {APPLICATION_ROLE}'
        if self.referenced:
            yield f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_tenant_id_id"'
        yield f'DROP POLICY app ON "{table}"'
        yield f'DROP POLICY owner ON "{table}"'
        yield f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY'
        yield f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY'


class TenantLinks(_TableOperation):
    """Tie a table's links to its own tenant: (tenant_id, x_id) -> (tenant_id, id).

    Comes after the `TenantTable(referenced=True)` of every table linked to. No link follows a row that goes:
    what something hangs on cannot be deleted before that is taken off it. Looked at when the transaction ends.
    """

    def describe(self) -> str:
        return f"Tie the links of {self.model} to its tenant"

    def forwards(self, model: type[models.Model]) -> Iterable[str]:
        for field in _links(model):
            table, column = model._meta.db_table, field.column
            target = field.remote_field.model._meta.db_table
            yield (
                f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_{column}_in_tenant" '
                f'FOREIGN KEY (tenant_id, {column}) REFERENCES "{target}" (tenant_id, id) '
                "DEFERRABLE INITIALLY DEFERRED"
            )

    def backwards(self, model: type[models.Model]) -> Iterable[str]:
        for field in _links(model):
            table = model._meta.db_table
            yield f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_{field.column}_in_tenant"'


def _links(model: type[models.Model]) -> list[TenantForeignKey]:
    return [field for field in model._meta.local_fields if isinstance(field, TenantForeignKey)]
