"""Which modules have mutants, which kinds, and the loader that puts these in."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from tests.mutants.tree import SWITCH, Mutant, narrowing_methods, weave

ROOT = Path(__file__).resolve().parent.parent.parent
# What keeps tenants and people apart is looked at closely; of what stands around it, what is refused and left out.
WIDER = {"guard", "operand", "condition", "link", "scope", "whose", "entry"}
RULES = WIDER | {"branch", "choice", "sieve", "answer", "refusal", "fact", "sql"}
KINDS: tuple[tuple[set[str], tuple[str, ...]], ...] = (
    (RULES, (
        "*/policies.py", "*/querysets.py", "ondi/common/querysets.py", "*/reads.py",
        "support/changes.py", "ondi/staff/entry.py", "ondi/staff/access.py",
        "ondi/staff/site.py", "ondi/staff/admin_base.py", "ondi/accounts/authentication.py",
        "ondi/accounts/entering.py", "ondi/accounts/links.py", "ondi/outbox/feed.py",
    )),
    (WIDER | {"call", "sql"}, (
        "ondi/accounts/sessions.py", "ondi/accounts/credentials.py", "ondi/accounts/attempts.py",
        "ondi/accounts/services.py", "ondi/api/idempotency.py", "conversations/services.py",
        "support/services/shared.py", "support/services/assignment.py", "support/services/lifecycle.py",
        "support/services/opening.py",
        "support/services/replying.py", "support/services/messages.py", "support/services/undoing.py",
    )),
    (WIDER, (
        "*/services.py", "support/services/*.py", "support/actions.py", "support/statistics.py",
        "ondi/accounts/api_keys.py", "ondi/accounts/audit.py", "ondi/accounts/customers.py",
        "ondi/accounts/forgotten.py", "ondi/accounts/invitations.py", "ondi/accounts/models.py",
        "support/settings/services.py", "ondi/accounts/sign_in.py", "ondi/accounts/tokens.py",
        "ondi/outbox/publishing.py", "ondi/outbox/subscribers.py", "ondi/api/client.py", "ondi/api/units.py",
        "ondi/api/views.py", "support/api/*/*views.py", "support/api/filters.py",
        "ondi/staff/forms.py", "ondi/staff/middleware.py", "ondi/staff/once.py", "ondi/staff/second_factor.py",
        "ondi/staff/session_limits.py", "ondi/staff/sign_in.py",
    )),
    ({"operand", "fact", "answer"}, ("support/api/presentation.py",)),
    ({"operand", "choice", "link", "scope"}, (
        "ondi/staff/admin.py", "support/admin/items.py", "support/admin/queue.py",
    )),
    ({"operand", "link", "scope"}, ("support/admin/pages.py", "support/admin/tabs.py")),
    ({"guard", "scope"}, ("support/admin/phone.py", "support/admin/queue.py", "support/admin/records.py")),
    ({"choice"}, ("ondi/accounts/forgotten.py", "ondi/accounts/invitations.py", "ondi/accounts/services.py")),
    ({"branch"}, (
        "ondi/accounts/invitations.py", "ondi/accounts/attempts.py", "ondi/api/units.py", "ondi/datafixes/undo.py",
        "ondi/tenants/management/commands/shell.py", "support/fixes/schema.py",
    )),
    ({"branch", "sieve"}, ("ondi/accounts/sign_in.py",)),
    ({"choice"}, ("support/admin/pages.py",)),
    ({"set"}, ("ondi/accounts/services.py", "support/api/filters.py")),
    ({"link"}, ("deliveries/api/batches.py", "deliveries/importing/upsert.py", "ondi/common/upsert.py")),
    ({"operand"}, ("deliveries/intake.py",)),
    ({"operand"}, ("support/admin/export.py",)),
    ({"call"}, ("ondi/datafixes/runs.py",)),
    ({"guard"}, ("support/fixes/doctor.py", "support/management/commands/repair.py")),
    ({"loop"}, ("support/fixes/doctor.py",)),
    ({"sql"}, ("ondi/datafixes/images.py",)),
    ({"place"}, ("ondi/api/client.py",)),
)  # fmt: skip
QUERYSETS = ("*/querysets.py", "ondi/*/querysets.py")


def matching(pattern: str) -> list[Path]:
    """The files of a pattern, as seen from the root of the checkout."""
    return [path.relative_to(ROOT) for path in sorted(ROOT.glob(pattern))]


def files() -> dict[str, set[str]]:
    """Each file with mutants, and the operators it meets."""
    found: dict[str, set[str]] = {}
    for operators, patterns in KINDS:
        for pattern in patterns:
            for path in matching(pattern):
                found.setdefault(str(path), set()).update(operators)
    return found


class Modules(importlib.abc.MetaPathFinder):
    """Imports of these modules get their mutants in. Which one stands there is `on`; who came by is in `reached`."""

    def __init__(self) -> None:
        self.on = 0
        self.reached: set[int] = set()
        self.mutants: dict[int, Mutant] = {}
        self._code: dict[str, CodeType] = {}
        narrowing = narrowing_methods([path.read_text() for each in QUERYSETS for path in ROOT.glob(each)])
        for file, operators in files().items():
            source = (ROOT / file).read_text()
            woven = weave(source, file, len(self.mutants) + 1, narrowing, operators)
            self.mutants |= woven.mutants
            self._code[file] = compile(woven.tree, str(ROOT / file), "exec")

    def switch(self, number: int) -> bool:
        if not self.on:
            self.reached.add(number)
        return number == self.on

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        file = name.replace(".", "/") + ".py"
        if file not in self._code:
            return None
        return importlib.util.spec_from_file_location(name, ROOT / file, loader=_Loader(name, str(ROOT / file), self))

    def install(self) -> None:
        sys.meta_path.insert(0, self)

    def code_of(self, file: str) -> CodeType:
        return self._code[file]


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, modules: Modules) -> None:
        super().__init__(name, path)
        self.modules = modules

    def get_code(self, fullname: str) -> CodeType:
        return self.modules.code_of(str(Path(self.path).relative_to(ROOT)))

    def exec_module(self, module: ModuleType) -> None:
        setattr(module, SWITCH, self.modules.switch)
        super().exec_module(module)
