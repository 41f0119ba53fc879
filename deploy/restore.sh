#!/bin/sh
# Restore a backup into a new, empty database, as its owner: all of it or nothing.
#
#   psql -f ondi/roles.sql                        (as superuser, on a new machine: roles and database)
#   DATABASE_OWNER_URL=postgres://ondi_owner:…@host/ondi deploy/restore.sh FILE
set -eu
pg_restore --exit-on-error --single-transaction --no-comments --dbname "$DATABASE_OWNER_URL" "$1"
# A dump has no statistics; until autovacuum comes by, every plan would be a guess.
exec psql --no-psqlrc --quiet --dbname "$DATABASE_OWNER_URL" --command "ANALYZE"
