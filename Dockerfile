# syntax=docker/dockerfile:1
FROM rust:1.95.0-alpine AS build
# The toolchain of the image is the one that rust-toolchain.toml names; nothing else is fetched.
ENV RUSTUP_TOOLCHAIN=1.95.0 CARGO_TERM_COLOR=never
RUN ["apk", "add", "--no-cache", "gcc", "make", "musl-dev"]
WORKDIR /src
COPY . .
# On Alpine the target is musl, and so the binary is static.
RUN ["cargo", "build", "--release", "--locked", "--bin", "curfew"]

FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="curfew" \
      org.opencontainers.image.description="Temporary production access on Kubernetes that ends on time" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /src/LICENSE /LICENSE
COPY --from=build /src/target/release/curfew /curfew
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/curfew"]
CMD ["run"]
