"""The files of pages, as `collectstatic` lays them out for production."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Each under a name with a hash of its content, compressed beside; also what our modules import."""

    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> str:
        """Where nothing was collected, pages come without their looks, and `check --deploy` says why: no page fails."""
        found: str = super().stored_name(name) if self.hashed_files else name
        return found
