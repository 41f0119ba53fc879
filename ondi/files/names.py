from django.utils.http import content_disposition_header


def shown_name(name: str, content_type: str) -> str:
    return name


def content_disposition(name: str, *, inline: bool) -> str:
    return content_disposition_header(not inline, name) or "attachment"
