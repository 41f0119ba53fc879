"""Which of Django's storages keeps the files, said without reading settings: settings are built from it."""

from pathlib import Path
from typing import Any

from ondi.common.origins import origin_of

OWNER_ALONE, OWNERS_FOLDER = 0o600, 0o700


def bucket_origins(*, bucket: str, endpoint: str, region: str) -> list[str]:
    """Where links of the bucket's own may lead; none where there is no bucket."""
    if not bucket:
        return []
    if endpoint:
        return [origin_of(endpoint)]
    return [f"https://{bucket}.s3.{place}amazonaws.com" for place in ("", f"{region}." if region else "")]


def files_storage(
    *,
    directory: Path | str,
    bucket: str = "",
    endpoint: str = "",
    region: str = "",
    access_key: str = "",
    secret_key: str = "",
    prefix: str = "",
) -> dict[str, dict[str, Any]]:
    """`STORAGES["files"]`: the bucket where one is named, else the directory; nothing where there is neither."""
    if bucket:
        options: dict[str, Any] = {
            "bucket_name": bucket,
            "endpoint_url": endpoint or None,
            "region_name": region or ("us-east-1" if endpoint else None),
            "location": prefix.strip("/"),
            "addressing_style": "path" if endpoint else "virtual",
            "signature_version": "s3v4",
            "default_acl": None,
        }
        if access_key:  # a token that lies in the environment belongs to another key
            options |= {"access_key": access_key, "secret_key": secret_key, "security_token": None}
        return {"files": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}}
    if directory:
        options = {
            "location": str(directory),
            "file_permissions_mode": OWNER_ALONE,
            "directory_permissions_mode": OWNERS_FOLDER,
        }
        return {"files": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}}
    return {}
