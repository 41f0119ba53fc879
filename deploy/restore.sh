#!/bin/sh
# Restore a backup into a new, empty database, as its owner: all of it or nothing.
# With ONDI_FILES_DIR=/srv/files, a new or empty directory, the files of FILE.files.tar come back first. Run it then as
# the account that the processes run as.
#
#   psql -f ondi/roles.sql                        (as superuser, on a new machine: roles and database)
#   DATABASE_OWNER_URL=postgres://ondi_owner:…@host/ondi deploy/restore.sh FILE
set -eu
umask 077
if [ -n "${ONDI_FILES_DIR:-}" ]; then
    mkdir -p "$ONDI_FILES_DIR"
    if [ -n "$(ls -A "$ONDI_FILES_DIR")" ]; then echo "$ONDI_FILES_DIR is not empty" >&2; exit 1; fi
    tar --extract --file "$1.files.tar" --directory "$ONDI_FILES_DIR" --no-same-owner
fi
pg_restore --exit-on-error --single-transaction --no-comments --dbname "$DATABASE_OWNER_URL" "$1"
# A dump has no statistics; until autovacuum comes by, every plan would be a guess.
exec psql --no-psqlrc --quiet --dbname "$DATABASE_OWNER_URL" --command "ANALYZE"
