# Stele in a container: the binary, the libraries that it is linked to, and nothing else. Without settings it serves on port 8000 and
# keeps everything below /var/lib/stele; docker-compose.yml starts it grown up.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --release && install -D target/release/stele /image/usr/bin/stele
# Libraries, names of hosts, and the authorities that certificates are believed from.
RUN cd /image && ldd usr/bin/stele | grep -o '/[^ ]*' | \
    xargs cp --parents --dereference --target-directory=. /etc/nsswitch.conf /etc/ssl/certs/ca-certificates.crt
RUN mkdir -p /state/stele

FROM scratch
COPY --from=build /image /
COPY --from=build --chown=10001:10001 /state /var/lib
USER 10001:10001
WORKDIR /var/lib/stele
ENV STELE_API__LISTEN=0.0.0.0:8000
EXPOSE 8000
# Not for databases that are away: another start of this process would bring none of them back.
HEALTHCHECK --interval=10s --timeout=20s --start-period=60s CMD ["/usr/bin/stele", "health", "--live"]
ENTRYPOINT ["/usr/bin/stele"]
CMD ["serve"]
