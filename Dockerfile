# Two stages: the first installs the pinned dependencies into a virtual environment, the second carries only that
# environment and the source. Nothing is downloaded when the container runs.
#
# The package is installed in place (-e) rather than as a wheel: `yilong migrate` finds alembic.ini and migrations/
# beside the source tree, and both stages use the same paths, so the environment stays valid when it is copied.
FROM python:3.11-slim AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/yilong/venv
ENV PATH=/opt/yilong/venv/bin:$PATH

WORKDIR /opt/yilong/source
COPY requirements-extras.txt ./
RUN pip install --require-hashes -r requirements-extras.txt
COPY pyproject.toml README.md LICENSE alembic.ini ./
COPY migrations ./migrations
COPY app ./app
RUN pip install --no-deps -e . && python -m compileall -q app migrations

FROM python:3.11-slim

ENV PATH=/opt/yilong/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    YILONG_HOST=0.0.0.0 \
    YILONG_PORT=8000 \
    YILONG_DATA_DIR=/var/lib/yilong

RUN useradd --system --uid 10001 --home-dir /var/lib/yilong --create-home --shell /usr/sbin/nologin yilong
COPY --from=build /opt/yilong /opt/yilong

USER 10001
WORKDIR /var/lib/yilong
VOLUME /var/lib/yilong
EXPOSE 8000

# For a container that runs `yilong worker` switch this off: it has no address to ask.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['YILONG_PORT'] + '/readyz', timeout=4)"]

ENTRYPOINT ["yilong"]
CMD ["serve"]
