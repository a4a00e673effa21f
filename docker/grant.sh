#!/bin/sh
# Grants the roles that serve what the manual says, as the owner of the tables, which `stele migrate` has made. Twice does no harm.
set -eu

grant() {
    url=$(cat "/run/secrets/owner_of_$1")
    # KurrentDB has no roles of this kind.
    case $url in postgres://*) ;; *) return ;; esac
    sql=$(awk -v start="<!-- grants: $1 -->" '$0 == start { on = 1; next } on && /^```$/ { exit } on && !/^```/' /operations.md)
    [ -n "$sql" ]
    psql --quiet --no-psqlrc --single-transaction -v ON_ERROR_STOP=1 "$url" -c "$sql"
}
grant log
grant vault
