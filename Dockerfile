# Built by `make image`; docs/image.md says how to verify and to move it. The tests run these very steps without an
# engine: tests/support/container.py.

# Pinned by digest, that of the index over all platforms; the tag is for people, an engine goes by the digest. To move
# on: choose a newer tag, take the digest that `docker buildx imagetools inspect` shows for it, and run `make test`.
ARG BASE=docker.io/library/python:3.13.14-slim-trixie@sha256:9662417aace5ae7b8e2609cce472b72a8958e134ba372808abe9cc1a0c0125e6

# ---- the packages, in a virtual environment without pip
FROM ${BASE} AS build
# Seconds since 1970; all that is made here gets this time.
ARG SOURCE_DATE_EPOCH=0
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
# The locks come before the sources: an engine's cache keeps the packages while only the sources change.
COPY requirements.lock requirements-build.lock ./
# Wheels only: nothing is compiled, on no architecture. Everything is locked, so pip has nothing to resolve.
RUN python -m venv --without-pip /opt/ddm-operator \
 && python -m pip --python /opt/ddm-operator install --require-hashes --no-deps --only-binary :all: --no-compile \
      --requirement requirements.lock \
 && python -m pip install --require-hashes --only-binary :all: --requirement requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
# The root will be read-only, so bytecode has to be there; it is valid without a look at the times of the sources. That of
# the Kubernetes client's thousands of classes would be 90 MB that nobody loads.
RUN python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /dist . \
 && python -m pip --python /opt/ddm-operator install --no-deps --no-index --no-compile /dist/*.whl \
 && python -m pip --python /opt/ddm-operator check \
 && rm -rf /opt/ddm-operator/bin/[Aa]ctivate* \
 && PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode unchecked-hash \
      -x '/kubernetes/(aio/)?client/(api|models)/[^_]' /opt/ddm-operator/lib \
 && find /opt/ddm-operator -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH}" {} +

# ---- the image
FROM ${BASE}
ARG SOURCE_DATE_EPOCH=0
# What installs packages goes, and what only a workplace needs; the rest of Python's library gets its bytecode. Times that
# are newer than the given one are made here.
RUN rm -rf /usr/local/include /usr/local/lib/pkgconfig /usr/local/bin/idle* /usr/local/bin/pip* /usr/local/bin/pydoc* \
      /usr/local/bin/python*-config /usr/local/lib/python3.*/ensurepip /usr/local/lib/python3.*/idlelib \
      /usr/local/lib/python3.*/site-packages/* /usr/local/lib/python3.*/test /usr/local/lib/python3.*/tkinter \
      /usr/local/lib/python3.*/turtledemo \
 && PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode unchecked-hash /usr/local/lib \
 && find /usr/local -newermt "@${SOURCE_DATE_EPOCH}" -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH}" {} +
COPY --from=build /opt/ddm-operator /opt/ddm-operator
ARG BASE
ARG CREATED=1970-01-01T00:00:00Z
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="ddm-operator" \
      org.opencontainers.image.description="Scales Huawei Cloud DDM instances out, exactly once per declared change." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE}"
# A home is looked for by the Kubernetes client; nothing is read or written there.
ENV HOME=/nonexistent PATH=/opt/ddm-operator/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
EXPOSE 8080
USER 65532:65532
# As the chart has it. Whether it lives is asked by the kubelet: /healthz and /readyz.
ENTRYPOINT ["ddm-operator"]
CMD ["run"]
