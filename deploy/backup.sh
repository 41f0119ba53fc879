#!/bin/sh
# Back up the database, as its owner: DATABASE_OWNER_URL=postgres://ondi_owner:…@host/ondi deploy/backup.sh FILE
#
# The owner is under row-level security like everybody; its policy shows it every row. Without
# --enable-row-security pg_dump refuses rather than to dump by half.
# The file is for the account that runs this alone: it holds secrets of authenticator apps (SECURITY.md).
set -eu
umask 077
if [ -e "$1" ]; then chmod 600 "$1"; fi
exec pg_dump --format=custom --enable-row-security --no-comments --file "$1" "$DATABASE_OWNER_URL"
