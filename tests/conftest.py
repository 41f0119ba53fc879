"""The harness: a test database owned by `ondi_owner`, the tests on it as `ondi`, as in production."""

import gc

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from django.test import TransactionTestCase

from ondi import embedded_postgres
from ondi.api.throttles import buckets
from tests.client import ApiClient
from tests.factories import TenantFactory

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND NOT tablename = ANY(%s) ORDER BY 1"
SIZE = "SELECT sum(pg_table_size(to_regclass(name))) FROM unnest(%s::text[]) AS name"
MUCH = 4 * 2**20
# The head of the outbox is a row that the migration makes, and counts on; the database belongs to the tests.
KEPT_TABLES = ("django_migrations", "django_content_type", "auth_permission", "outbox_head", "outbox_installation")


def pytest_configure(config):
    embedded_postgres.hold()


def pytest_collection_finish():
    """What was imported stays: to look through it for garbage again and again takes a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_modify_db_settings, django_db_blocker):
    """Create and migrate the test database as owner, and let the application's connection use it."""
    with django_db_blocker.unblock():
        owner, application = connections["owner"], connections["default"]
        real_name = owner.settings_dict["NAME"]
        name = owner.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        with owner.cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        _adopt()
        application.close()
        application.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = name
        yield
        application.close()
        _close_owner()
        owner.creation.destroy_test_db(real_name, verbosity=0)


_owner: psycopg.Connection | None = None


def owner_connection() -> psycopg.Connection:
    """A connection as the schema's owner, beside Django's."""
    global _owner
    if _owner is None or _owner.closed:
        parameters = connections["owner"].get_connection_params()
        wanted = {key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if key in parameters}
        _owner = psycopg.connect(**wanted, autocommit=True)
    return _owner


def _close_owner():
    if _owner is not None:
        _owner.close()


def _empty_all_tables(self):
    """Only the owner may empty them; the application's role may not, and that is tested.

    Rows are deleted where there are any, in one statement, at whose end the links are checked: a TRUNCATE of all
    tables makes hundreds of files anew and takes four times as long. Where a test left much, it is the faster one.
    """
    owner = owner_connection()
    tables = [name for (name,) in owner.execute(TABLES, [list(KEPT_TABLES)])]
    is_filled = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in tables)
    filled = [name for (name,) in owner.execute(is_filled)]
    if filled and owner.execute(SIZE, [filled]).fetchone()[0] > MUCH:
        owner.execute(f"TRUNCATE {', '.join(tables)}")
    elif filled:
        deletes = ", ".join(f'gone_{number} AS (DELETE FROM "{name}")' for number, name in enumerate(filled))
        owner.execute(f"WITH {deletes} SELECT")
    _adopt()


def _adopt():
    """Let what is due go out: the database is the tests'. A test that migrates back and forth takes that away."""
    owner_connection().execute(
        "INSERT INTO outbox_installation (id, name, stopped, adopted_at) VALUES (1, %s, '[]', now()) "
        "ON CONFLICT DO NOTHING",
        [settings.INSTALLATION],
    )


TransactionTestCase._fixture_teardown = _empty_all_tables


@pytest.fixture(autouse=True)
def _full_buckets():
    buckets.clear()


@pytest.fixture
def api():
    """Calls the API like a portal: `api.as_(member).get(path)`."""
    return ApiClient()


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def owner():
    return owner_connection
