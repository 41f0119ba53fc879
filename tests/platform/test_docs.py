"""The documents say what is so: their commands work, their links lead somewhere, what they name is there."""

import io
import re
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands
from django.urls import Resolver404, resolve

from ondi import command_line
from tests.documents import (
    DOCUMENTS,
    FORM_ONLY,
    PAGES,
    PARSED_ONLY,
    ROOT,
    Block,
    Reader,
    blocks,
    parser_of,
    spans,
    targets,
)

database = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
PLAIN = {"text", "toml", "csv", "json", "js", "python", "php"}  # languages of blocks that hold no commands
LONGEST_README = 150
LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
FILE = re.compile(r"(?:[\w.-]+/)*[\w.-]+\.(?:py|sql|sh|md|txt|toml|conf|ini|html|css|js|po|mo|svg)(?:::[\w:]+)?")
FOLDER = re.compile(r"(?:[\w-]+/)+")
CALL = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/[\w/:…-]+)")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{3,}")


@pytest.fixture
def reader(tmp_path, monkeypatch, settings):
    """Makes readers, each with a folder and a shell of their own."""
    settings.DEBUG = True  # as `make serve`: the demo's data is for that alone

    def new(name="reader"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        return Reader(tmp_path / name, monkeypatch)

    return new


def commands_of(page):
    return [block for block in blocks(page) if block.language == "sh"]


@database
def test_every_command_works_in_the_order_of_the_pages(reader):
    someone = reader()
    call_command("seed_demo", stdout=io.StringIO())  # as `make serve` does

    someone.read([block for page in PAGES for block in commands_of(page)])

    assert not someone.faults
    assert len(someone.done) > 70
    used = {line.split(" ")[0] for line in someone.done}
    assert used >= set(FORM_ONLY), "a program that is only checked by its form is in no document any more"


BAD = [
    ("curl -s http://127.0.0.1:8000/customer/support/tickets", "401"),
    ("curl -s http://127.0.0.1:8000/nowhere", "404"),
    ("curl -s -X DELETE http://127.0.0.1:8000/health/live", "405"),
    ("curl -s http://127.0.0.1:8001/health/live", "no server"),
    ("curl -s --nonsense http://127.0.0.1:8000/health/live", "nonsense"),
    ("curl -s http://127.0.0.1:8000/health/live | python3 -c 'raise SystemExit(1)'", "ended with 1"),
    ("python manage.py nonsense", "no command"),
    ("python manage.py doctor --nonsense", "nonsense"),
    ("python manage.py doctor --tenant nowhere", "nowhere"),
    ("python manage.py work --nonsense", "nonsense"),
    ("python nonsense.py", "only manage.py"),
    ("make nonsense", "nonsense"),
    ("make tests", "no targets"),  # a folder, and make would be content
    ("psql -f nonsense.sql", "nonsense.sql"),
    ("granian --nonsense ondi.wsgi:application", "nonsense"),
    ("granian ondi.wsgi:nonsense", "nonsense"),
    ("deploy/nonsense.sh", "ended with 127"),
    ("apt-get install nonsense", "ended with 127"),
    ("echo $NONSENSE", "NONSENSE"),
]


@database
def test_a_command_that_does_not_work_is_found(reader):
    for number, (command, reason) in enumerate(BAD):
        someone = reader(str(number))

        someone.read([Block("README.md:1", "sh", command)])

        assert any(fault.startswith("README.md:1: ") and reason in fault for fault in someone.faults), command


def test_no_command_hides():
    """Each block says what it is; commands stand on pages that are run."""
    for document in DOCUMENTS:
        for block in blocks(document):
            allowed = PLAIN | {"sh"} if document in PAGES else PLAIN
            assert block.language in allowed, block.place


def test_every_document_is_read():
    named = {str(path.relative_to(ROOT)) for folder in (ROOT, ROOT / "docs") for path in folder.glob("*.md")}

    assert named == set(DOCUMENTS)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    text = (ROOT / document).read_text()
    for link in (one or other for one, other in LINK.findall(text)):
        target, _hash, anchor = link.partition("#")
        path = (ROOT / document).parent / target if target else ROOT / document
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


def anchors(path):
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def files():
    """Every file and folder of the project, as the documents may shorten them: from any part of its path on."""
    kept = (path for top in ROOT.iterdir() if not top.name.startswith(".") or top.name == ".ci"
            for path in [top, *(top.rglob("*") if top.is_dir() else ())])  # fmt: skip
    whole = [path.relative_to(ROOT).parts for path in kept if "__pycache__" not in path.parts]
    return {"/".join(parts[start:]) for parts in whole for start in range(len(parts))}


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name != "CHANGELOG.md"])
def test_what_it_names_is_there(document, files):
    """Paths, targets, commands and calls in the text; the changelog also tells of what is gone."""
    for span in spans(document):
        if FILE.fullmatch(span):
            assert span.partition("::")[0] in files, span
        elif FOLDER.fullmatch(span):
            assert span.rstrip("/") in files, span
        elif span.startswith("make ") and "=" not in span:
            assert set(span.split()[1:]) <= targets(), span
        elif span.startswith("manage.py "):
            assert span.split()[1] in {*get_commands(), *command_line.BEFORE_DJANGO}, span
        elif call := CALL.fullmatch(span):
            assert allows(*call.groups()), span


def allows(method, path):
    try:
        view = resolve(re.sub(r":\w+|…", "x", path)).func
    except Resolver404:
        return False
    return method.lower() in getattr(view, "actions", {})


def test_table_of_commands_names_options_that_exist():
    rows = re.findall(r"^\| `(\w+)([^`]*)`", (ROOT / "docs/operators.md").read_text(), re.MULTILINE)

    assert len(rows) > 10
    for command, options in rows:
        assert set(re.findall(r"--[\w-]+", options)) <= set(parser_of(command)._option_string_actions), command


def test_every_command_of_ours_is_in_a_document():
    text = "".join((ROOT / page).read_text() for page in PAGES)
    for name, app in get_commands().items():
        if isinstance(app, str) and app.startswith(command_line.OURS):
            assert re.search(rf"\b{name}\b", text), name


def test_table_of_settings_is_whole():
    """Each variable that is read is in it, and each in it is read."""
    source = "".join(path.read_text() for path in (ROOT / "ondi").glob("*.py"))
    read = set(re.findall(r"env\.\w+\(\s*\"(\w+)\"", source))
    table = (ROOT / "docs/deploying.md").read_text().split("## Settings")[1].split("\n## ")[0]
    named = {name for row in table.splitlines() for name in VARIABLE.findall(row.split("|")[1] if "|" in row else "")}

    assert len(named) > 30
    assert read <= named
    assert all(name in source for name in named)


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= LONGEST_README


def test_what_is_only_parsed_is_a_command_with_a_reason():
    assert set(PARSED_ONLY) <= set(get_commands())
    assert all(len(reason) > 10 for reason in [*FORM_ONLY.values(), *PARSED_ONLY.values()])
    assert not {Path(name).name for name in FORM_ONLY} & {"curl", "make", "python"}
