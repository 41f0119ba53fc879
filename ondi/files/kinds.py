ALLOWED = (
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/gif",
    "image/heic",
    "application/pdf",
    "text/plain",
    "text/csv",
)
VIEW_TYPE = "image/webp"
