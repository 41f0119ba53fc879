"""One vocabulary, in the field's words; and the rooms below support do not know it by name."""

import ast
import re
import subprocess
import tokenize
from pathlib import Path

import pytest
from django.apps import apps

from support import events, publishing, vocabulary

ROOT = Path(__file__).resolve().parents[2]
LISTED = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()
FILES = [name for name in LISTED if "/migrations/" not in name and (ROOT / name).is_file()]
PYTHON = [name for name in FILES if name.endswith(".py")]
OURS = [name for name in PYTHON if name.split("/")[0] in ("ondi", "orders", "deliveries", "conversations", "support")]
# action, snooze, conversation, dashboard, workbench are the field's.
OLD = ("desk", "desks", "act", "acts", "talk", "talks")
OLD_PAIRS = ("put_off", "front_page", "follow_up")


def old_words(name: str) -> list[str]:
    """Which of the words that went are parts of this identifier, in whatever case it joins them."""
    parts = [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    joined = "_".join(parts)
    return [word for word in OLD if word in parts] + [pair for pair in OLD_PAIRS if pair in joined]


@pytest.mark.parametrize("name", ["DeskAdmin", "leave_desk", "ACTS", "wb-talk", "is_put_off", "FrontPage", "act"])
def test_words_that_went_are_seen_however_they_are_joined(name):
    assert old_words(name)


@pytest.mark.parametrize("name", ["action", "actor", "exact", "redact_message", "contact", "DESKTOP", "put", "follow"])
def test_words_that_only_look_alike_are_left_alone(name):
    assert not old_words(name)


def test_no_identifier_has_a_word_that_went():
    found = []
    for name in PYTHON:
        with (ROOT / name).open() as file:
            names = [token for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.NAME]
        found += [f"{name}:{token.start[0]} {token.string}" for token in names if old_words(token.string)]

    assert not found


def test_no_file_template_block_or_style_has_one():
    named = [name for name in FILES if old_words(Path(name).stem)]
    blocks, classes = [], []
    for name in FILES:
        if name.endswith(".html"):
            text = (ROOT / name).read_text()
            blocks += [f"{name}: {block}" for block in re.findall(r"{% block (\w+)", text) if old_words(block)]
            used = " ".join(re.findall(r"""(?:class|id)=["']([^"']*)""", text))
            classes += [f"{name}: {word}" for word in re.findall(r"[\w-]+", used) if old_words(word)]
        if name.endswith(".css") and "/static/" in name:
            words = re.findall(r"[.#]([A-Za-z][\w-]*)", (ROOT / name).read_text())
            classes += [f"{name}: {word}" for word in words if old_words(word)]

    assert not named + blocks + classes


STORED = {
    "status": set(vocabulary.TicketStatus.values),
    "waiting_on": set(vocabulary.WaitingOn.values),
    "source": set(vocabulary.TicketSource.values),
    "kind": set(vocabulary.EventKind.values),
}


def bare_literals(tree: ast.AST) -> list[tuple[int, str]]:
    """Stored codes of tickets written as they are: `status="open"`, `row.status == "open"`, `{"status": "open"}`."""
    found = []

    def look(name: object, value: ast.AST) -> None:
        field = str(name).split("__")[0]
        if field in STORED and isinstance(value, ast.Constant) and value.value in STORED[field]:
            found.append((value.lineno, f"{name} {value.value}"))

    for node in ast.walk(tree):
        if isinstance(node, ast.keyword):
            look(node.arg, node.value)
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            names = [side.attr if isinstance(side, ast.Attribute) else getattr(side, "id", None) for side in sides]
            for one in names:
                for side in sides:
                    look(one, side)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                look(getattr(key, "value", None), value)
    return found


def test_a_bare_literal_is_seen():
    tree = ast.parse('filter(status="open"); x.waiting_on == "agent"; {"status": "closed"}; f(kind="reopened")')

    found = {word for _line, word in bare_literals(tree)}
    assert found == {"status open", "waiting_on agent", "status closed", "kind reopened"}


def test_statuses_are_named_by_the_vocabulary_alone():
    """Examples of the API's document (`docs.py`) are texts for people."""
    files = [name for name in OURS if name.startswith("support/") and not name.endswith("docs.py")]
    found = [
        f"{name}:{line} {word}" for name in files for line, word in bare_literals(ast.parse((ROOT / name).read_text()))
    ]

    assert not found


def test_the_rooms_below_do_not_name_what_is_supports():
    """No table, model label, module, event code or column of support, but in the settings and `urls.py`."""
    models = list(apps.get_app_config("support").get_models())
    # One plain word, as "subject" or "version", is everybody's.
    columns = {field.column for model in models for field in model._meta.concrete_fields if "_" in field.column}
    below = [model for model in apps.get_models() if model._meta.app_label != "support"]
    known = {field.column for model in below for field in model._meta.concrete_fields}
    known |= {f"{model._meta.model_name}_id" for model in below}
    known.add("seen_at")  # a session of the admin has one of its own
    words = {
        *(model._meta.db_table for model in models),
        *(model._meta.label for model in models),
        *(model._meta.label_lower for model in models),
        *(f"support.{path.stem}" for path in (ROOT / "support").iterdir()),
        *events.TEXTS,
        *publishing._KINDS,
        *(columns - known),
    }
    pattern = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, sorted(words)))}|(?:from|import) support)\b")
    allowed = {"ondi/settings.py", "ondi/document_settings.py", "ondi/urls.py"}
    found = []
    for name in OURS:
        if name.startswith("support/") or name in allowed:
            continue
        for number, line in enumerate((ROOT / name).read_text().splitlines(), start=1):
            found += [f"{name}:{number} {match[0]}" for match in pattern.finditer(line)]

    assert not found
