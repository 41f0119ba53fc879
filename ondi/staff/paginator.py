"""Pages without counting a whole table."""

from functools import cached_property
from typing import cast

from django.core.paginator import Paginator
from django.db.models import QuerySet

COUNT_AT_MOST = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Counts to 10,000 and no further: what lies beyond is found by searching, not by paging."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet", self.object_list)  # type: ignore[type-arg]
        return rows.order_by()[:COUNT_AT_MOST].count()
