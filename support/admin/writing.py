"""The composer of a ticket: what stands in it, and sending that."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.http import HttpRequest

from ondi.accounts.actors import Actor
from ondi.accounts.models import AfterSending
from ondi.accounts.own_settings import choose_way_on
from ondi.common.ids import parse_id
from ondi.staff.entry import staff_at
from ondi.staff.once import FORM_ID
from support import drafts
from support.admin.drafts import refusal_of, stamp_of, wait_of
from support.admin.files import draft_shown, drafts_in_order
from support.admin.forms import WritingForm
from support.drafts import Writing, writing_of
from support.errors import TicketChanged
from support.models import Draft, Ticket
from support.services import Seen
from support.vocabulary import WRITTEN, DraftKind


@dataclass(frozen=True, slots=True)
class Composer:
    """What stands in the composer; `seen` is what its writer had before them when it was refused.

    `kind`: what is written; empty: whatever its writer has begun. `file_ids`: of the drafts of files that stand in it,
    those that are there still are shown again.
    """

    kind: str = ""
    text: str = ""
    faults: list[str] = field(default_factory=list)
    seen: Seen | None = None
    file_ids: Sequence[UUID] = ()

    @classmethod
    def of(cls, kind: str, form: WritingForm) -> "Composer":
        """As it was sent."""
        return cls(kind, form.data.get("content", ""), file_ids=form.cleaned_data.get("attachment_ids", ()))

    @classmethod
    def begun(cls, drafts: Sequence[Draft], wanted: str) -> "Composer":
        """As its writer left it, with what kept it from being sent: the answer, else the note; or the one wanted."""
        order = sorted(drafts, key=lambda one: (one.kind != wanted, one.kind != DraftKind.REPLY))
        if not order:
            return cls(DraftKind.REPLY)
        draft = order[0]
        if not draft.refused:
            return cls(draft.kind, draft.content, file_ids=draft.files)
        is_crossed = draft.refused == TicketChanged.code
        return cls(
            draft.kind, draft.content, file_ids=draft.files, seen=writing_of(draft).seen if is_crossed else None,
            faults=[] if is_crossed else [refusal_of(draft)],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pane:
    """Where an answer, or a note, is written. `known`: by which the browser knows the draft that stands in it."""

    text: str
    files: str
    has_files: bool
    known: str


def panes_of(composer: Composer, begun: Mapping[str, Draft], actor: Actor, here: str) -> dict[str, Pane]:
    """What was just sent and refused stands in its own, a draft in the other. A statement where there are files."""
    texts = {kind: one.content for kind, one in begun.items()} | {composer.kind: composer.text}
    ids = {kind: one.files for kind, one in begun.items()} | {composer.kind: composer.file_ids}
    there = {one.id: one for one in drafts_in_order(actor, [key for keys in ids.values() for key in keys])}
    panes: dict[str, Pane] = {}
    for kind in WRITTEN:
        shown = [draft_shown(there[key], actor, here) for key in ids.get(kind, ()) if key in there]
        known = stamp_of(begun[kind].updated_at) if kind in begun else ""
        panes[kind] = Pane(texts.get(kind, ""), json.dumps(shown), bool(shown), known)
    return panes


def send(request: HttpRequest, ticket: Ticket, actor: Actor, writing: Writing) -> bool:
    """At once, or so that it can be taken back for a while; whether it waits."""
    if wait := wait_of(request):
        form_id = parse_id(request.POST.get(FORM_ID))
        drafts.send_later(actor=actor, ticket_id=ticket.id, writing=writing, wait=wait, form_id=form_id)
    else:
        drafts.send_writing(actor=actor, ticket_id=ticket.id, writing=writing)
    return bool(wait)


def remember_way_on(request: HttpRequest) -> None:
    """Where their answers lead stays as they chose it last."""
    chosen = request.POST.get("then", "")
    if chosen in AfterSending.values:
        choose_way_on(user=staff_at(request).user, after_sending=chosen)
