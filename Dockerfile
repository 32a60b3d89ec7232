# syntax=docker/dockerfile:1
# check=error=true
# The program alone: static, in an empty image, as a user without rights.
#
#   docker build --build-arg VERSION="$(git describe --tags --always)" \
#     --build-arg COMMIT="$(git rev-parse --short=12 HEAD)" --tag wsproxy .

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src

COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download

COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=dev COMMIT=unknown
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
    -ldflags "-s -w \
    -X github.com/wsproxy/kafka-websocket-proxy/pkg/cli.version=$VERSION \
    -X github.com/wsproxy/kafka-websocket-proxy/pkg/cli.commit=$COMMIT" \
    -o /out/wsproxy ./cmd/wsproxy

FROM scratch
ARG VERSION=dev COMMIT=unknown
LABEL org.opencontainers.image.title="Kafka WebSocket Proxy" \
      org.opencontainers.image.description="Produce to and consume from Apache Kafka over WebSockets" \
      org.opencontainers.image.source="https://github.com/wsproxy/kafka-websocket-proxy" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"

# The authorities that sign brokers and OpenID providers.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/wsproxy /wsproxy
# Its own, and that of the parts of the console that name it.
COPY LICENSE /LICENSE

# A number, since Kubernetes cannot tell whether a name is root's.
USER 65532:65532

# The sockets, their TLS twin, and health and metrics.
EXPOSE 8078 8443 9078

ENTRYPOINT ["/wsproxy"]
CMD ["serve"]
