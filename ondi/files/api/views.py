"""Files: announced, looked at, thrown away. Their bytes go through the stream process, by signed links."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.accounts.actors import Actor
from ondi.accounts.authentication import actor_of
from ondi.api.idempotency import idempotent
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, address_of, path_id, valid_body
from ondi.files import services
from ondi.files.api import docs
from ondi.files.api.data import AnnounceBody, draft_data
from ondi.files.arriving import look_for_uploads
from ondi.files.errors import AttachmentNotFound
from ondi.files.links import FileReader
from ondi.files.models import StoredFile
from ondi.files.rule import may_read


def _found(actor: Actor, attachment_id: str) -> StoredFile:
    file = StoredFile.objects.visible_to(actor).filter(id=path_id(attachment_id)).first()
    if file is None or not may_read(actor, file):
        raise AttachmentNotFound
    if file.parent_id is None:
        look_for_uploads([file])
    return file


def _shown(request: Request, file: StoredFile) -> dict[str, Any]:
    return {"attachment": draft_data(file, reader=FileReader.of(actor_of(request)), here=address_of(request))}


def _refuse(request: Request, kept: Any) -> None:
    if kept:
        _found(actor_of(request), kept["attachment"]["id"])


def _as_it_is(request: Request, kept: Any) -> dict[str, Any]:
    return _shown(request, _found(actor_of(request), kept["attachment"]["id"]))


class AttachmentViewSet(ApiViewSet):
    queryset = StoredFile.objects.none()

    @docs.announce
    @idempotent(_refuse, again=_as_it_is)
    def create(self, request: Request) -> Response:
        file = services.announce_file(actor=actor_of(request), **valid_body(AnnounceBody, request))
        return success(_("Attachment created"), _shown(request, file), status=201)

    @docs.attachment
    def retrieve(self, request: Request, attachment_id: str) -> Response:
        return success(_("Attachment retrieved"), _shown(request, _found(actor_of(request), attachment_id)))

    @docs.delete
    def destroy(self, request: Request, attachment_id: str) -> Response:
        services.delete_draft(actor=actor_of(request), file_id=path_id(attachment_id))
        return success(_("Attachment deleted"), {})
