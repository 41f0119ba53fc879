"""`make serve`: everything for a look at the product, started together and stopped together."""

import contextlib
import fcntl
import logging
import multiprocessing
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ondi import embedded_postgres
from ondi.beside import beside
from ondi.stop import PID_FILE, SETTINGS_FILE, serving

HOST = "127.0.0.1"
THREADS_TO_REFUSE = 8
TOLD = ("PUBLIC_URL", "ONDI_INSTALLATION")  # to `manage.py` beside it
PASSWORD = "ondi-demo"  # noqa: S105 - the demo's, printed for everyone


def main() -> None:
    port = usable_port(os.environ.get("PORT") or "8000")
    os.environ.setdefault("DEBUG", "true")
    os.environ.setdefault("PUBLIC_URL", f"http://{HOST}:{port}")
    os.environ.setdefault("ONDI_INSTALLATION", f"make serve of {str(embedded_postgres.data_directory())[-80:]}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ondi.settings")
    try:
        embedded_postgres.hold()
    except embedded_postgres.EmbeddedPostgresError as error:
        embedded_postgres.explain_and_exit(error)
    with _alone(embedded_postgres.data_directory()):
        _prepare()
        with beside(["work"], ["stream", f"--port={port + 1}"]):
            _serve(port)


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Be the one `make serve` on this data folder, and say so in it; ends with a plain sentence where another is.

    The lock is the kernel's, so it is gone with the process, however that ends.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "serve.lock").open("a") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(
                f"error: make serve runs on {home} already (process {serving() or 'unknown'}). "
                "End it with `make stop`, or set ONDI_DATA_DIR to another folder for this one."
            )
        files = {PID_FILE: str(os.getpid())}
        # What `manage.py` beside it takes where nothing is set: never keys of production, nor another database's.
        if product_settings().DEBUG and not {"DATABASE_URL", "DATABASE_OWNER_URL"} & os.environ.keys():
            said = {"DEBUG": "true", **{name: os.environ.get(name, "") for name in TOLD}}
            files[SETTINGS_FILE] = "".join(f"{name}={value}\n" for name, value in said.items())
        try:
            for name, text in files.items():
                (home / name).write_text(text)
            yield
        finally:
            for name in files:
                (home / name).unlink(missing_ok=True)


def product_settings() -> Any:
    """Django's; read late, for the environment decides what they are."""
    from django.conf import settings

    return settings


def usable_port(text: str) -> int:
    """The port to serve on, with the next one for the stream; ends with a plain sentence where they cannot be had.

    Granian would share a taken port silently with the program that has it.
    """
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65535):
        sys.exit(f"error: PORT must be a number from 1 to 65534, not {text!r}.")
    for port in (int(text), int(text) + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                sys.exit(f"error: cannot serve on port {port}: {error.strerror}. Set PORT to another one.")
    return int(text)


def _prepare() -> None:
    """Migrate and seed in a process of its own.

    The workers are forks of this one: a database pool opened here would be theirs as well, two of them
    talking at once on one connection.
    """
    process = multiprocessing.get_context("spawn").Process(target=prepare_database)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit("error: the database could not be prepared; the reason stands above.")


def prepare_database() -> None:
    import django
    from django.core.checks import Tags, run_checks
    from django.core.management import call_command

    django.setup()
    from ondi.tenants.scope import find_tenants

    call_command("migrate", verbosity=0, interactive=False)
    for fault in run_checks(databases=["default"], tags=[Tags.database]):
        sys.stderr.write(f"warning: {fault.msg} {fault.hint or ''}\n")
    _adopt(is_empty=not find_tenants())
    if not find_tenants():
        print("Filling the empty database with demo data ...", flush=True)  # noqa: T201
        call_command("seed_demo")


def _adopt(*, is_empty: bool) -> None:
    """Let what is due go out from here, where the database is new, or mail goes no further than the local mailbox."""
    from ondi.outbox.outgoing import adopt, adopted_by, is_ours

    if not adopted_by() and (is_empty or product_settings().LOCAL_MAILBOX):
        adopt(product_settings().INSTALLATION)
    if not is_ours():
        sys.stderr.write("warning: this database belongs elsewhere, and nothing is mailed: manage.py outgoing status\n")


def _serve(port: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    product = product_settings()
    hashing = product.PASSWORDS_AT_ONCE + product.PASSWORDS_WAITING
    _print_welcome(f"http://{HOST}:{port}")
    # Most of its threads wait for their turn or refuse (ondi/api/admission.py); Granian takes them all for workers.
    logging.getLogger("_granian").addFilter(lambda record: "Python threads" not in record.getMessage())
    Granian(
        "ondi.wsgi:application",
        address=HOST,
        port=port,
        interface=Interfaces.WSGI,
        workers=product.WEB_WORKERS,
        blocking_threads=product.WEB_THREADS + product.WEB_WAITING + hashing + THREADS_TO_REFUSE,
        working_dir=Path(__file__).resolve().parent.parent,
        respawn_failed_workers=True,
        workers_kill_timeout=10,  # a worker told to stop while it is still coming up does not hear it
        log_level="warning",  # type: ignore[arg-type]
    ).serve()


def _print_welcome(url: str) -> None:
    mails = f"{url}/mailbox   (kept here, not sent)" if product_settings().LOCAL_MAILBOX else "sent by EMAIL_URL"
    login = f'{{"email": "customer1@tigris.demo", "password": "{PASSWORD}"}}'
    sys.stdout.write(
        f"""
OnDi Support is up.
  API docs   {url}/docs
  Stream     {product_settings().STREAM_URL}/messaging/stream
  Admin      {url}/admin/   agent1@tigris.demo, or operator@ondi.demo for the platform
  Password   {PASSWORD}   (for everyone in the demo)
  Mails      {mails}

Sign in as a customer:
  curl -s {url}/auth/login -H 'Content-Type: application/json' -d '{login}'

Ctrl-C or `make stop` ends it.
"""
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
