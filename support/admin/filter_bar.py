"""What stands over the queue's table: the filters to choose from, those that are on, and the order."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from support.admin.tabs import Asked
from support.queue.filters import FILTERS
from support.queue.tabs import SORTS
from support.queue.wanted import SORT, TAB, TERM, VIEW, Wanted

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Chip:
    """A value that is asked for. `query`: the address of the list without it; `is_gone`: there is no such thing."""

    text: str
    query: str
    is_gone: bool = False


def bar_of(asked: Asked) -> dict[str, Any]:
    """For the templates: `chips`, `filters` with their choices, `kept` (hidden fields), and `sorts`."""
    wanted = asked.wanted
    kept = ((TAB, wanted.tab), (TERM, wanted.term), (SORT, wanted.sort), (VIEW, asked.view.id if asked.view else ""))
    return {
        "chips": chips_of(asked),
        "filters": _filters(asked),
        "kept": [(name, value) for name, value in kept if value],
        "sorted_by": SORTS[wanted.sort][0] if wanted.sort else wanted.place.order_label,
        "sorts": _sorts(asked),
        "can_save": wanted.narrows or bool(wanted.sort),
        "wanted_query": wanted.query(),
        "view_id": asked.view.id if asked.view else "",
        "is_changed": asked.view is not None and asked.view.query != wanted.query(),
    }


def chips_of(asked: Asked) -> list[Chip]:
    """What narrows the list beyond its tab, in words, each with the list without it."""
    wanted, known = asked.wanted, asked.known
    chips = [Chip(f"“{wanted.term}”", _address(asked, wanted.without(TERM)))] if wanted.term else []
    for name, values in wanted.chosen.items():
        label = capfirst(str(FILTERS[name].label))
        chips += [
            Chip(f"{label}: {FILTERS[name].word_for(value, known)}", _address(asked, wanted.without(name, value)))
            for value in values
        ]
    gone = _address(asked, wanted)
    labels = dict.fromkeys(capfirst(str(FILTERS[name].label)) for name, _value in wanted.gone)
    return [*chips, *(Chip(_("%(filter)s: no longer there") % {"filter": one}, gone, is_gone=True) for one in labels)]


def _address(asked: Asked, wanted: Wanted) -> str:
    """With the mark of the view one came from, so that it can be saved anew."""
    return f"?{wanted.query()}" + (f"&{VIEW}={asked.view.id}" if asked.view else "")


def _filters(asked: Asked) -> list[dict[str, Any]]:
    found = []
    for name, one in FILTERS.items():
        chosen = asked.wanted.chosen.get(name, ())
        known = one.choices(asked.known)
        choices = {**known, **{value: one.word_for(value, asked.known) for value in chosen if value not in known}}
        if choices:
            found.append({
                "name": name, "label": capfirst(str(one.label)), "count": len(chosen),
                "choices": [(value, word, value in chosen) for value, word in choices.items()],
            })  # fmt: skip
    return found


def _sorts(asked: Asked) -> list[tuple[Words, str, bool]]:
    """The tab's own order, and the others there are: label, address, whether it stands so now."""
    wanted = asked.wanted
    labels = {"": wanted.place.order_label, **{sort: SORTS[sort][0] for sort in wanted.place.sorts}}
    return [(label, _address(asked, wanted.sorted_by(sort)), sort == wanted.sort) for sort, label in labels.items()]
