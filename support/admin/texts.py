"""What is everybody's of a tenant or one's own: the base of its screens; and canned replies."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator, format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldBooleanSwitchWidget

from ondi.accounts.actors import Actor
from ondi.staff.entry import Staff, staff_at
from ondi.staff.forms import RowForm
from ondi.staff.navigation import Entry, Section
from support.admin.records import WorkbenchAdmin
from support.models import CannedReply, Ticket
from support.placeholders import NAMES, filled, unknown_placeholders

SHOWN_IN_LISTS = 120
PLACEHOLDERS_HELP = format_lazy(
    "{} {}. {}", _("May hold:"), ", ".join(f"{{{name}}}" for name in NAMES),
    _("Words for where there is none stand behind a bar: {order_number|your order}."),
)  # fmt: skip


def refuse_unknown_placeholders(text: str) -> None:
    """A validator. Raises `ValidationError` for a placeholder that no ticket can fill."""
    if unknown := unknown_placeholders(text):
        listed = ", ".join(f"{{{name}}}" for name in unknown)
        raise forms.ValidationError(_("Unknown placeholders: %(names)s"), params={"names": listed})


def canned_replies_for(ticket: Ticket, actor: Actor) -> list[dict[str, Any]]:
    """What this person can put into an answer or a note, with the ticket's facts, by folder; those without one first.

    Each in the customer's language where it is written in it, else in the tenant's, in English, or in any.
    """
    languages = [ticket.requester.language or ticket.tenant.language, ticket.tenant.language, "en"]
    found = CannedReply.objects.for_language(actor, languages)
    return [
        {"shortcut": one.shortcut, "language": one.get_language_display(), "folder": one.folder,
         "is_own": one.owner_id is not None, "text": filled(one.content, ticket)}
        for one in sorted(found, key=lambda one: one.folder.lower())
    ]  # fmt: skip


class OwnedForm(RowForm):
    """A row that is everybody's, or its maker's alone."""

    is_private = forms.BooleanField(
        label=_("Only for me"), required=False, help_text=_("Colleagues do not see it then."),
        widget=UnfoldBooleanSwitchWidget,
    )  # fmt: skip

    staff: Staff  # of the request; set by the screen

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.initial.setdefault("is_private", self.instance.owner_id is not None)

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() - {"owner"}

    def clean(self) -> dict[str, Any]:
        """Says whose it is before the database's rules are asked, which go by it."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        tenant_id = cleaned["tenant"].id if cleaned.get("tenant") else self.instance.tenant_id
        if tenant_id:
            is_private = cleaned.get("is_private")
            self.instance.owner_id = self.staff.actor_in(tenant_id).membership_id if is_private else None
        return cleaned


class OwnedAdmin(WorkbenchAdmin):
    """Everybody's rows and one's own; nobody sees another's."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        return rows.shown_to(staff_at(request).membership_ids)  # type: ignore[no-any-return]

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change, **options)
        return type(form.__name__, (form,), {"staff": staff_at(request)})

    @admin.display(description=_("only for me"), boolean=True)
    def is_own(self, row: Any) -> bool:
        return row.owner_id is not None


class CannedReplyForm(OwnedForm):
    class Meta:
        model = CannedReply
        fields = ("tenant", "shortcut", "language", "folder", "content", "is_private")
        help_texts = {
            "shortcut": _("Typed as /shortcut in the composer."),
            "folder": _("Replies of one folder stand together, and are found by its name."),
            "content": PLACEHOLDERS_HELP,
        }

    def clean_shortcut(self) -> str:
        """In lower case, as it is kept: capitals make no difference in the composer."""
        return str(self.cleaned_data["shortcut"]).lower()

    def clean_content(self) -> str:
        """Raises `ValidationError` for a placeholder no ticket can fill."""
        content: str = self.cleaned_data["content"]
        refuse_unknown_placeholders(content)
        return content


@admin.register(CannedReply)
class CannedReplyAdmin(OwnedAdmin):
    about = _("Answers that are written once, and put into the composer with a slash.")
    entries = (Entry(Section.SUPPORT, 30, "quickreply"),)
    form = CannedReplyForm
    list_display = ("shortcut", "language", "folder", "text", "is_own", "tenant")
    list_filter = ("language",)
    list_select_related = ("tenant",)
    search_fields = ("shortcut__folded", "content__folded", "folder__folded")
    search_help_text = _("Shortcut, text, folder")

    @admin.display(description=_("text"))
    def text(self, reply: CannedReply) -> str:
        return Truncator(reply.content).chars(SHOWN_IN_LISTS)
