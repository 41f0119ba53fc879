"""The translations: which texts the product has, and the catalogue compiled.

`python -m tests.messages` compiles `django.po` after it was edited, and lists what is not translated yet.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "ondi" / "locale" / "ar" / "LC_MESSAGES" / "django.po"
APPS = ("ondi", "support", "conversations", "orders", "deliveries")
MARKERS = {"_", "gettext", "gettext_lazy"}
IN_TEMPLATE = re.compile(r"{%\s*translate\s+\"([^\"]+)\"|{%\s*blocktranslate[^%]*%}(.*?){%\s*endblocktranslate", re.S)


def texts() -> set[str]:
    """Every text of ours that is marked for translation."""
    found = set()
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            found |= set(_in_code(ast.parse(path.read_text())))
        for path in (ROOT / app).rglob("*.html"):
            for simple, block in IN_TEMPLATE.findall(path.read_text()):
                found.add(simple or re.sub(r"{{\s*(\w+)\s*}}", r"%(\1)s", block))
    return found


def _in_code(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            wanted = 2 if node.func.id == "ngettext" else 1 if node.func.id in MARKERS else 0
            for argument in node.args[:1] if wanted else []:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def untranslated() -> set[str]:
    catalogue = polib.pofile(str(CATALOGUE))
    done = {entry.msgid for entry in catalogue if entry.translated()}
    return texts() - done


def superfluous() -> set[str]:
    """Translations of no text of ours; those marked "unfold" are of the library's, which has no Arabic."""
    return {entry.msgid for entry in polib.pofile(str(CATALOGUE)) if entry.comment != "unfold"} - texts()


if __name__ == "__main__":
    polib.pofile(str(CATALOGUE)).save_as_mofile(str(CATALOGUE.with_suffix(".mo")))
    missing = untranslated()
    for text in sorted(missing):
        sys.stdout.write(f"not translated: {text}\n")
    sys.exit(bool(missing))
