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
# Rules are taken apart to the last word. Elsewhere every refusal, scope, lock and fact is taken out. What merely
# narrows a read has its proof in `tests/tenants/test_leaks.py` and `tests/files/test_matrix.py`, which take it out.
RULES = {"guard", "operand", "condition", "branch", "choice", "sieve", "answer", "refusal", "fact"}
DECIDES = {"guard", "scope", "whose", "entry", "refusal", "fact", "answer", "sql"}
KINDS: tuple[tuple[set[str], tuple[str, ...]], ...] = (
    (RULES, (
        "*/policies.py", "ondi/files/rule.py", "ondi/webhooks/addresses.py", "ondi/webhooks/policies.py",
        "support/criteria.py", "support/sla/*.py",
    )),
    (DECIDES, (
        "conversations/querysets.py", "conversations/services.py", "ondi/accounts/api_keys.py",
        "ondi/accounts/attempts.py", "ondi/accounts/audit.py", "ondi/accounts/authentication.py",
        "ondi/accounts/credentials.py", "ondi/accounts/customer_tokens.py", "ondi/accounts/customers.py",
        "ondi/accounts/forgotten.py",
        "ondi/accounts/invitations.py", "ondi/accounts/links.py", "ondi/accounts/services.py",
        "ondi/accounts/sessions.py", "ondi/accounts/sign_in.py", "ondi/accounts/tokens.py", "ondi/api/idempotency.py",
        "ondi/api/units.py", "ondi/api/views.py", "ondi/datafixes/images.py",
        "ondi/files/access.py", "ondi/files/api/views.py", "ondi/files/checking.py", "ondi/files/links.py",
        "ondi/files/services.py", "ondi/files/serving.py", "support/files.py",
        "ondi/notifications/addresses.py", "ondi/notifications/bounces.py", "ondi/notifications/dispatches.py",
        "ondi/notifications/gathering.py", "ondi/notifications/mails.py", "ondi/notifications/preferences.py",
        "ondi/notifications/sender_addresses.py", "ondi/notifications/sender_codes.py",
        "ondi/notifications/senders.py", "ondi/notifications/services.py", "ondi/notifications/texts.py",
        "ondi/notifications/unsubscribing.py", "ondi/outbox/feed.py", "ondi/outbox/outgoing.py",
        "ondi/outbox/publishing.py", "ondi/outbox/subscribers.py", "ondi/staff/access.py", "ondi/staff/admin.py",
        "ondi/staff/admin_base.py", "ondi/staff/entry.py", "ondi/staff/forms.py", "ondi/staff/middleware.py",
        "ondi/staff/once.py", "ondi/staff/second_factor.py", "ondi/staff/sign_in.py",
        "ondi/staff/site.py", "ondi/streaming/app.py", "ondi/streaming/hub.py", "ondi/streaming/news.py",
        "ondi/streaming/tickets.py", "ondi/webhooks/api/views.py", "ondi/webhooks/schedule.py",
        "ondi/webhooks/sender.py", "ondi/webhooks/sending.py", "ondi/webhooks/services.py", "support/admin/items.py",
        "support/admin/notification_texts.py", "support/admin/pages.py", "support/admin/phone.py",
        "support/admin/queue.py", "support/admin/records.py", "support/api/*/*views.py",
        "support/admin/view_forms.py", "support/queue/saving.py",
        "support/api/filters.py", "support/api/presentation.py", "support/changes.py", "support/mails.py",
        "support/drafts.py", "support/macros/*.py", "support/querysets.py", "support/services/*.py",
        "support/settings/proving.py",
        "support/settings/services.py", "support/settings/texts.py", "support/subscribers.py", "support/told.py",
    )),
    ({"call"}, (
        "conversations/services.py", "ondi/accounts/sessions.py", "support/services/assignment.py",
        "support/services/lifecycle.py", "support/services/messages.py", "support/services/opening.py",
        "support/services/replying.py", "support/services/shared.py", "support/services/undoing.py",
    )),
    ({"guard"}, ("support/fixes/doctor.py", "support/fixes/schema.py")),
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
