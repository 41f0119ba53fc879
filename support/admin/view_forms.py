"""Saved views of the queue: saving a list as a tab, naming it anew, and putting the tabs in order."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ondi.accounts.actors import Actor
from ondi.common.errors import DomainError
from ondi.common.ids import parse_id
from ondi.staff.entry import Staff, staff_at
from ondi.staff.forms import PlainTextField
from ondi.staff.once import SentBefore, sent_once
from support.admin.pages import queue_url
from support.models import SavedView
from support.queue.refusals import CannotSaveViews, ViewNotFound
from support.queue.saving import audiences_for, delete_view, move_view, save_view, saving_refusal
from support.vocabulary import LONGEST_VIEW_NAME, Audience

TENANT = "tenant"
STEPS = {"up": -1, "down": 1}


class ViewForm(forms.Form):
    name = PlainTextField(
        label=gettext_lazy("Name of the tab"), max_length=LONGEST_VIEW_NAME, one_line=True,
        widget=UnfoldAdminTextInputWidget(attrs={"dir": "auto", "maxlength": LONGEST_VIEW_NAME}),
    )  # fmt: skip
    audience = forms.ChoiceField(label=gettext_lazy("Who has it"), widget=UnfoldAdminSelectWidget)
    tenant = forms.ChoiceField(label=gettext_lazy("tenant"), widget=UnfoldAdminSelectWidget)
    query = forms.CharField(widget=forms.HiddenInput)
    view = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *arguments: Any, people: list[Actor], **options: Any) -> None:
        super().__init__(*arguments, **options)
        mine = {audience for actor in people for audience in audiences_for(actor)}
        self._offer("audience", [(audience.value, audience.label) for audience in Audience if audience in mine])
        self._offer(TENANT, [(str(actor.tenant_id), actor.tenant.name) for actor in people])

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        """What leaves no choice is not asked."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        if len(choices) == 1:
            field.widget, field.required = forms.HiddenInput(), False
            field.initial = choices[0][0]


def edit_view(request: HttpRequest) -> HttpResponse:
    """Save the list of an address (`query`) as a tab, or change a view (`view`): its name, whose it is, its list."""
    staff = staff_at(request)
    people = [actor for actor in staff.actors if actor.tenant_id in staff.working_tenant_ids]
    given = request.POST if request.method == "POST" else request.GET
    view = _view(staff, given.get("view", ""))
    if not people or (given.get("view") and view is None):
        messages.error(request, str(ViewNotFound() if people else CannotSaveViews()))
        return redirect(queue_url())
    if view:
        people = [staff.actor_in(view.tenant_id)]
    posted = request.POST if request.method == "POST" else None
    form = ViewForm(posted, people=people, initial=_initial(given, view))
    fault = ""
    if posted is not None and form.is_valid():
        try:
            return redirect(_saved(request, staff, people, form, view))
        except SentBefore as before:
            return before.answer(request)
        except DomainError as refusal:
            fault = str(refusal)
    title = _("Change this view") if view else _("Save this view")
    page = {"title": title, "form": form, "fault": fault, "view": view, "queue": queue_url()}
    is_dialog = request.headers.get("X-Workbench-Dialog") == "1"
    template = "support/queue_view_form.html" if is_dialog else "support/queue_view.html"
    return render(request, template, {**admin.site.each_context(request), **page}, status=409 if fault else 200)


def _initial(given: QueryDict, view: SavedView | None) -> dict[str, Any]:
    """A tenant that the list is narrowed to is the one whose view it becomes."""
    address = QueryDict(given.get("query", ""), mutable=True)
    tenant = address.pop(TENANT, [None])[-1]
    query = address.urlencode() or (view.query if view else "")
    if view is None:
        return {"query": query, TENANT: tenant}
    return {"query": query, TENANT: view.tenant_id, "view": view.id, "name": view.name, "audience": view.audience}


def _saved(request: HttpRequest, staff: Staff, people: list[Actor], form: ViewForm, view: SavedView | None) -> str:
    """Where the tab leads. Raises `SentBefore` and what `save_view` raises."""
    said = form.cleaned_data
    tenant_id = parse_id(said[TENANT]) or people[0].tenant_id
    with sent_once(request, tenant_id=tenant_id, said=said) as sending:
        kept = save_view(
            actor=staff.actor_in(tenant_id), name=said["name"], audience=said["audience"] or Audience.OWN,
            query=said["query"], view_id=view.id if view else None,
        )  # fmt: skip
        sending.location = f"{queue_url()}?{kept.query}&view={kept.id}"
    messages.success(request, _("The tab “%(name)s” is saved.") % {"name": kept.name})
    return sending.location


def views_page(request: HttpRequest) -> HttpResponse:
    """The views this person has as tabs, in their order; what is theirs to change can be changed."""
    staff = staff_at(request)
    if not staff.support_tenant_ids:
        messages.error(request, str(CannotSaveViews()))
        return redirect("admin:index")
    rows = [
        (view, saving_refusal(staff.actor_in(view.tenant_id), view.audience) is None)
        for view in SavedView.objects.shown_to(staff.actors).select_related("tenant")
    ]
    names_tenants = len(staff.support_tenant_ids) > 1
    page = {"title": _("Views of the queue"), "rows": rows, "names_tenants": names_tenants, "queue": queue_url()}
    return render(request, "support/queue_views.html", {**admin.site.each_context(request), **page})


@require_POST
def do_view(request: HttpRequest, view_id: UUID) -> HttpResponse:
    """Delete a view (`do`: `delete`), or move it (`up`, `down`); then the views again."""
    staff = staff_at(request)
    view, what = _view(staff, str(view_id)), request.POST.get("do", "")
    try:
        if view is None:
            raise ViewNotFound
        actor = staff.actor_in(view.tenant_id)
        if what == "delete":
            delete_view(actor=actor, view_id=view_id)
            messages.success(request, _("The tab “%(name)s” is deleted.") % {"name": view.name})
        elif what in STEPS:
            move_view(actor=actor, view_id=view_id, steps=STEPS[what])
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect(reverse("admin:support_ticket_views"))


def _view(staff: Staff, text: str) -> SavedView | None:
    view_id = parse_id(text)
    return SavedView.objects.shown_to(staff.actors).filter(id=view_id).first() if view_id else None
