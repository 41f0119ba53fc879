#!/bin/sh
# Back up the database, as its owner: DATABASE_OWNER_URL=postgres://ondi_owner:…@host/ondi deploy/backup.sh FILE
#
# The owner is under row-level security like everybody; its policy shows it every row. Without
# --enable-row-security pg_dump refuses rather than to dump by half.
set -eu
exec pg_dump --format=custom --enable-row-security --no-comments --file "$1" "$DATABASE_OWNER_URL"
