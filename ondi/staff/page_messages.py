"""Messages are for the page that somebody opened: what an open page asks for by itself takes none away.

(A secret that is shown once would else be lost to another tab that happens to look for news.)
"""

from collections.abc import Iterator
from typing import Any

from django.contrib.messages.storage.fallback import FallbackStorage

from ondi.staff.session_limits import POLL_HEADER


class PageMessages(FallbackStorage):
    def __iter__(self) -> Iterator[Any]:
        return iter(()) if self._is_poll() else super().__iter__()

    def __len__(self) -> int:
        return 0 if self._is_poll() else super().__len__()

    def update(self, response: Any) -> Any:
        return [] if self._is_poll() else super().update(response)

    def _is_poll(self) -> bool:
        return POLL_HEADER in self.request.headers
