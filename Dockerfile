# One image for all programs: the first argument chooses (gateway, identity, …, all-in-one, mailx,
# mailxctl). Build it with BuildKit (up to Docker 22: with DOCKER_BUILDKIT=1):
#
#   docker build --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) -t mailx .
#
# Behind a proxy or a mirror: --secret id=npmrc,src=$HOME/.npmrc, and --secret id=ca,src=<bundle.pem>.
# No Alpine as the base: sodium-native is built for glibc.
ARG NODE_IMAGE=node:24-bookworm-slim
# The appVersion of charts/mailx/Chart.yaml; what runs tells it as the version of the release.
ARG MAILX_VERSION=0.1.0

# What npm needs to know, apart, so that a changed source file does not install everything again.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /src
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete \
    && find . -type d -empty -delete

FROM ${NODE_IMAGE} AS build
ENV NODE_EXTRA_CA_CERTS=/run/secrets/ca NODE_NO_WARNINGS=1 npm_config_update_notifier=false
WORKDIR /src
COPY --from=manifests /src .
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY . .
RUN cd proto && PATH=/src/node_modules/.bin:$PATH buf generate
ARG MAILX_VERSION
RUN node tools/image/content.mjs /out/opt/mailx
WORKDIR /out/opt/mailx
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
ARG SOURCE_DATE_EPOCH=0
RUN npm sbom --omit=dev --sbom-format=cyclonedx --loglevel=error \
    | node /src/tools/image/finish.mjs . \
    && touch -h -d @$SOURCE_DATE_EPOCH /out/opt

FROM ${NODE_IMAGE}
ARG NODE_IMAGE
ARG MAILX_VERSION
ARG MAILX_REVISION=unknown
ARG MAILX_CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="MailX" \
      org.opencontainers.image.description="Federated, end-to-end encrypted mail: all services and tools" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${MAILX_VERSION}" \
      org.opencontainers.image.revision="${MAILX_REVISION}" \
      org.opencontainers.image.created="${MAILX_CREATED}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}"
COPY --from=build /out/ /
# Without a home of its own: nothing is written outside of what is mounted, and /tmp.
ENV NODE_ENV=production MAILX_VERSION=${MAILX_VERSION} HOME=/tmp PATH=/opt/mailx/bin:$PATH
WORKDIR /opt/mailx
USER 10001:10001
EXPOSE 443 8443 8444
# How the collector works, and that the program may call it: tools/dev says why.
# No core dump, and no signal opens the debugger: keys and mail are in memory.
ENTRYPOINT ["/bin/sh", "-c", "ulimit -c 0 && exec node --disable-sigusr1 --max-semi-space-size=32 --heap-growing-percent=200 --external-memory-accounted-in-global-limit --single-threaded-gc --expose-gc /opt/mailx/app/launch.mjs \"$@\"", "mailx"]
