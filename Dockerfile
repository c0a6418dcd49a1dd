# Two stages: one with the compilers, one with nothing but the server.
FROM rust:1-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make build && make install DESTDIR=/out PREFIX=/usr

FROM debian:bookworm-slim
RUN useradd --system --no-create-home --uid 999 gyre && mkdir /data && chown gyre /data
COPY --from=build /out/usr/bin/ /usr/bin/
USER gyre
WORKDIR /data
VOLUME /data
EXPOSE 6379
# Reachable from other containers, which protected mode would refuse: give a password, or keep the network closed.
ENTRYPOINT ["gyre-server"]
CMD ["--protected-mode", "no"]
