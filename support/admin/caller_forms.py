"""Who calls: somebody new, taken down together with what they say; and what is known of a customer, corrected."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.accounts.querysets import normalize_email
from ondi.staff.forms import PlainTextField
from ondi.tenants.models import Language
from support.admin.forms import CallForm

LONGEST_NAME, LONGEST_PHONE, LONGEST_EMAIL = 150, 40, 254


class CustomerForm(forms.Form):
    """What an agent may say of a customer."""

    first_name = PlainTextField(
        label=_("First name"), max_length=LONGEST_NAME, one_line=True, widget=UnfoldAdminTextInputWidget
    )
    last_name = PlainTextField(
        label=_("Last name"), max_length=LONGEST_NAME, one_line=True, required=False, widget=UnfoldAdminTextInputWidget
    )
    phone = PlainTextField(
        label=_("Phone"), max_length=LONGEST_PHONE, one_line=True, required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "tel", "dir": "ltr"}),
    )  # fmt: skip
    language = forms.ChoiceField(label=_("Language"), choices=Language.choices, widget=UnfoldAdminSelectWidget)


class NewCallForm(CallForm, CustomerForm):
    """Somebody unknown on the phone, and what they say."""

    tenant = forms.ChoiceField(label=_("Tenant"), widget=UnfoldAdminSelectWidget)
    email = forms.EmailField(
        label=_("E-mail"), max_length=LONGEST_EMAIL, required=False,
        widget=UnfoldAdminEmailInputWidget(attrs={"dir": "ltr"}),
    )  # fmt: skip
    field_order = ("tenant", "first_name", "last_name", "phone", "email", "language")

    def __init__(self, posted: Any, *, actors: Sequence[Actor], initial: dict[str, Any]) -> None:
        """`actors`: who this person is in each tenant whose calls they take."""
        self.first_tenant = actors[0].tenant
        super().__init__(posted, initial={"language": self.first_tenant.language, **initial})
        tenant = self.fields["tenant"]
        assert isinstance(tenant, forms.ChoiceField)
        tenant.choices = [(str(actor.tenant_id), actor.tenant.name) for actor in actors]
        if len(actors) == 1:
            del self.fields["tenant"]
        open_fields = (name for name in self.fields if not self.initial.get(name))
        self.fields[next(open_fields)].widget.attrs["autofocus"] = True

    def clean_email(self) -> str | None:
        return normalize_email(self.cleaned_data["email"])

    @property
    def tenant_id(self) -> UUID:
        return UUID(self.cleaned_data["tenant"]) if "tenant" in self.fields else self.first_tenant.id

    def caller(self) -> dict[str, Any]:
        """The arguments of `add_customer`."""
        return {name: self.cleaned_data[name] for name in (*CustomerForm.base_fields, "email")}


class CorrectionForm(CustomerForm):
    """What is known of a customer. Each field remembers what it showed, so a colleague's newer correction stays."""

    def __init__(self, posted: Any, *, customer: Membership) -> None:
        known = {name: getattr(customer, name) for name in self.base_fields}
        known["language"] = known["language"] or customer.tenant.language
        super().__init__(posted, initial=known)
        for field in self.fields.values():
            field.show_hidden_initial = True

    def changes(self) -> dict[str, str]:
        """The arguments of `correct_customer`."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


def guessed(term: str) -> dict[str, str]:
    """What was searched for, in the field of a new customer that it is meant for."""
    if "@" in term:
        return {"email": term}
    if sum(letter.isdecimal() for letter in term) * 2 > len(term.replace(" ", "")):
        return {"phone": term}
    first, _blank, last = term.partition(" ")
    return {"first_name": first, "last_name": last}
