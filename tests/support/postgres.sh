#!/bin/sh
# Keeps a PostgreSQL server in a folder of its own: says where that is, takes orders from its input, one a line, and ends with
# it. Whatever happens to the process at the other end, the server stops and its folder goes. $1: where the server's programs are;
# $2: where its data goes, if that is a small file system of its own.

# Nobody may be left to hear an answer.
trap '' PIPE
bin=$1
folder=$(mktemp -d "${TMPDIR:-/tmp}/stele-postgres-XXXXXX") || exit 1
data=${2:-$folder}/data
pooler=
begin() {
    late=$(($(date +%s) + 60))
    for attempt in 1 2 3 4 5; do
        "$bin/postgres" -D "$data" >>"$folder/log" 2>&1 </dev/null &
        pid=$!
        while kill -0 "$pid" 2>/dev/null; do
            "$bin/pg_isready" -q -h "$folder" && return
            [ "$(date +%s)" -lt "$late" ] || break 2
            sleep 0.02
        done
        sleep 0.1
    done
    cat "$folder/log" >&2
    return 1
}
end() {
    [ -n "$pid" ] || return
    kill "-$1" "$pid" $2
    wait "$pid" 2>/dev/null
    pid=
}
tls() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -config /dev/null \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
        -keyout "$data/server.key" -out "$data/server.crt" >>"$folder/log" 2>&1
    printf '%s\n' "ssl = on" "listen_addresses = '127.0.0.1'" "port = $1" >>"$data/postgresql.conf"
    export PGPORT="$1"
}
# Whoever watches over a server starts it again when it has died for want of room.
free() {
    rm "$1/filler"
    until "$bin/pg_isready" -q -h "$folder"; do
        kill -0 "$pid" 2>/dev/null || begin
        sleep 0.02
    done
}
pool() {
    cat >"$folder/pool.ini" <<END
[databases]
* = host=$folder
[pgbouncer]
unix_socket_dir = $folder
listen_port = 6432
auth_type = trust
auth_file = $folder/users
pool_mode = transaction
default_pool_size = 3
END
    printf '"%s" ""\n' "$@" >"$folder/users"
    PATH=$PATH:/usr/sbin pgbouncer -q "$folder/pool.ini" >>"$folder/log" 2>&1 </dev/null &
    pooler=$!
    until [ -S "$folder/.s.PGSQL.6432" ]; do
        kill -0 "$pooler" || break
        sleep 0.02
    done
}
"$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C -N ${2:+--wal-segsize=1} >"$folder/log" 2>&1 || cat "$folder/log" >&2
cat >>"$data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$folder'
max_connections = 400
shared_buffers = '32MB'
END
if begin; then echo "$folder"; else echo failed; fi
while read -r order value; do
    case $order in
        begin) begin || order=failed ;;
        stop) end INT '' ;;
        kill) end KILL "$(cat "/proc/$pid/task/$pid/children")" ;;
        pool) pool $value ;;
        tls) tls "$value" ;;
        fill) cat /dev/zero >"$2/filler" 2>/dev/null ;;
        free) free "$2" ;;
        set) echo "$value" >>"$data/postgresql.conf" ;;
    esac
    echo "$order"
done
[ -z "$pooler" ] || kill "$pooler"
end QUIT ''
rm -rf "$folder"
