"""Files in the workbench: announced and removed by its composer, shown in its thread."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from rest_framework.exceptions import APIException

from ondi.accounts.actors import Actor
from ondi.api.errors import as_domain_error, status_of
from ondi.api.views import address_of
from ondi.common.errors import DomainError, InvalidInput
from ondi.files.api.data import AnnounceBody, attachments_of, draft_data
from ondi.files.arriving import look_for_uploads
from ondi.files.errors import AttachmentNotFound
from ondi.files.links import FileReader
from ondi.files.models import Reason, StoredFile
from ondi.files.services import announce_file, delete_draft
from support import policies
from support.admin.pages import of_ticket, whole_number
from support.models import Ticket

ICONS = {"application/pdf": "picture_as_pdf", "text/csv": "table"}


@require_POST
@of_ticket
def add_file(request: HttpRequest, ticket: Ticket, actor: Actor) -> JsonResponse:
    """Announce a file that is to go with an answer or a note: its draft, with where its bytes are to be sent."""
    try:
        if refusal := policies.handling_refusal(ticket, actor):
            raise refusal
        body = AnnounceBody(data={**request.POST.dict(), "size": whole_number(request.POST.get("size", ""))})
        body.is_valid(raise_exception=True)
        draft = announce_file(actor=actor, **body.validated_data)
    except (DomainError, APIException) as refusal:
        return _refused(refusal)
    return JsonResponse(draft_shown(draft, actor, address_of(request)), status=201)


@of_ticket
def one_file(request: HttpRequest, ticket: Ticket, actor: Actor, file_id: UUID) -> JsonResponse:
    """A draft of one's own: what became of it; while it waits, where its bytes are to be sent. A POST removes it."""
    try:
        if request.method == "POST":
            delete_draft(actor=actor, file_id=file_id)
            return JsonResponse({})
        draft = StoredFile.objects.drafts_of(actor).filter(id=file_id).first()
        if draft is None:
            raise AttachmentNotFound
        look_for_uploads([draft])
    except DomainError as refusal:
        if isinstance(refusal, AttachmentNotFound):
            request.row_not_found = True  # type: ignore[attr-defined]  # for the audit: it may be another tenant's
        return _refused(refusal)
    return JsonResponse(draft_shown(draft, actor, address_of(request)))


def drafts_in_order(actor: Actor, file_ids: Sequence[UUID]) -> list[StoredFile]:
    """Those of these that are drafts of the actor's, in this order; asks nothing where there are no ids."""
    found = {one.id: one for one in StoredFile.objects.drafts_of(actor).filter(id__in=file_ids)} if file_ids else {}
    return [found[key] for key in file_ids if key in found]


def draft_shown(draft: StoredFile, actor: Actor, here: str) -> dict[str, Any]:
    return _in_words(draft_data(draft, reader=FileReader.of(actor), here=here))


def files_of(parents: Mapping[UUID, int], actor: Actor, here: str) -> Mapping[UUID, list[dict[str, Any]]]:
    """As `attachments_of`, with what the page says of each."""
    found = attachments_of(actor.tenant_ids, parents, reader=FileReader.of(actor), here=here)
    return {key: [_in_words(data) for data in files] for key, files in found.items()}


def faults_of(refusal: DomainError) -> str:
    """What is wrong with the files of an answer or a note, in words."""
    if isinstance(refusal, InvalidInput) and "attachment_ids" in refusal.fields:
        return _("Not sent: at most 10 files, together at most 25 MB, can go with it.")
    return str(refusal)


def _in_words(data: dict[str, Any]) -> dict[str, Any]:
    content_type, reason = data["content_type"], data["reason"]
    icon = "image" if content_type.startswith("image/") else ICONS.get(content_type, "description")
    return {**data, "icon": icon, "said": str(Reason(reason).label) if reason else ""}


def _refused(refusal: Exception) -> JsonResponse:
    known = as_domain_error(refusal)
    assert known, "only what is known is caught"
    said = str(known)
    if isinstance(known, InvalidInput) and "content_type" in known.fields:
        said = _("Files of this type cannot be sent.")
    return JsonResponse({"error": known.code, "message": said}, status=status_of(known))
