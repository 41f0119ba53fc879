"""The translations: which texts the product has, and the catalogues compiled.

`python -m tests.messages` compiles each `django.po` after it was edited, and lists what is not translated yet. Arabic
has every text; Kurdish and Persian those that the API and mails send.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "ondi" / "locale"
APPS = ("ondi", "support", "conversations", "orders", "deliveries")
WHOLE, API_ONLY = ("ar",), ("ku", "fa")
LANGUAGES = (*WHOLE, *API_ONLY)
# Errors, what calls answer, and what stands in their data.
OF_THE_API = (
    "**/errors.py", "**/*views.py", "actions.py", "events.py", "notices.py", "people.py", "**/*mails.py",
    "notifications/texts.py", "webhooks/notices.py", "files/serving.py",
)  # fmt: skip
OF_MAILS = [
    ROOT / "ondi/notifications/templates/notifications" / name for name in ("mail.html", "mail.txt", "unsubscribe.html")
]
MARKERS = {"_", "gettext", "gettext_lazy"}
IN_TEMPLATE = re.compile(r"{%\s*translate\s+\"([^\"]+)\"|{%\s*blocktranslate[^%]*%}(.*?){%\s*endblocktranslate", re.S)


def catalogue(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def texts() -> set[str]:
    """Every text of ours that is marked for translation."""
    found = _in_files(path for app in APPS for path in (ROOT / app).rglob("*.py"))
    return found | _in_templates([*(path for app in APPS for path in (ROOT / app).rglob("*.html")), *OF_MAILS])


def texts_of_the_api() -> set[str]:
    """Every text of ours that an answer of the API, a mail or what a mail leads to may hold."""
    files = (path for app in APPS for pattern in OF_THE_API for path in (ROOT / app).glob(pattern))
    return _in_files(files) | _in_templates(OF_MAILS)


def texts_in(language: str) -> set[str]:
    """The texts that this language has to have."""
    return texts_of_the_api() if language in API_ONLY else texts()


def _in_templates(paths: Iterable[Path]) -> set[str]:
    pieces = (piece for path in paths for piece in IN_TEMPLATE.findall(path.read_text()))
    return {simple or re.sub(r"{{\s*(\w+)\s*}}", r"%(\1)s", block) for simple, block in pieces}


def _in_files(paths: Iterable[Path]) -> set[str]:
    return {text for path in paths for text in _in_code(ast.parse(path.read_text()))}


def _in_code(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            wanted = 2 if node.func.id == "ngettext" else 1 if node.func.id in MARKERS else 0
            for argument in node.args[:1] if wanted else []:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def untranslated(language: str) -> set[str]:
    done = {entry.msgid for entry in polib.pofile(str(catalogue(language))) if entry.translated()}
    return texts_in(language) - done


def superfluous(language: str) -> set[str]:
    """Translations of no text of ours; those marked "unfold" are of the library's, which has no Arabic."""
    entries = polib.pofile(str(catalogue(language)))
    return {entry.msgid for entry in entries if entry.comment != "unfold"} - texts_in(language)


if __name__ == "__main__":
    missing = set()
    for language in LANGUAGES:
        source = catalogue(language)
        polib.pofile(str(source)).save_as_mofile(str(source.with_suffix(".mo")))
        missing |= {f"{language}: {text}" for text in untranslated(language)}
    for text in sorted(missing):
        sys.stdout.write(f"not translated: {text}\n")
    sys.exit(bool(missing))
