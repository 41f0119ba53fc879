#!/bin/sh
# Back up the database, as its owner: DATABASE_OWNER_URL=postgres://ondi_owner:…@host/ondi deploy/backup.sh FILE
# With ONDI_FILES_DIR=/srv/files it takes the files along, into FILE.files.tar.
#
# The owner is under row-level security like everybody; its policy shows it every row. Without
# --enable-row-security pg_dump refuses rather than to dump by half.
# Both are for the account that runs this alone: the dump holds secrets of authenticator apps (SECURITY.md).
set -eu
umask 077
if [ -e "$1" ]; then chmod 600 "$1"; fi
pg_dump --format=custom --enable-row-security --no-comments --file "$1" "$DATABASE_OWNER_URL"
if [ -z "${ONDI_FILES_DIR:-}" ]; then exit 0; fi
# After the rows, for bytes are stored before their row: so none in the dump lacks its bytes, but of what was removed
# since. Kept files never change; tar's 1 says that some came or went meanwhile.
if [ -e "$1.files.tar" ]; then chmod 600 "$1.files.tar"; fi
tar --create --file "$1.files.tar" --directory "$ONDI_FILES_DIR" --exclude ./.receiving . || [ $? -eq 1 ]
