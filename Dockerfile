# fluvial and what it needs, pinned by hash; built in one image, run from another that holds no build tools.
FROM python:3.11.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/fluvial
ENV PATH=/opt/fluvial/bin:$PATH
WORKDIR /build
# the requirements first: they change less often than the code, and their layer is kept
COPY requirements-build.lock requirements.lock ./
RUN pip install --require-hashes -r requirements-build.lock \
 && pip install --require-hashes --no-build-isolation --use-pep517 -r requirements.lock
COPY pyproject.toml README.md ./
COPY consumers consumers
COPY learners learners
COPY monitors monitors
COPY fluvial fluvial
RUN pip install --no-build-isolation --no-deps .

FROM python:3.11.13-slim-bookworm
RUN groupadd --system --gid 10001 fluvial \
 && useradd --system --uid 10001 --gid fluvial --no-create-home --shell /usr/sbin/nologin fluvial \
 && install -d -o fluvial -g fluvial -m 0700 /run/fluvial /var/lib/fluvial \
 && install -d -o fluvial -g fluvial -m 0755 /run/webhook
COPY --from=build /opt/fluvial /opt/fluvial
WORKDIR /srv/fluvial
COPY examples examples
ENV PATH=/opt/fluvial/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FLUVIAL_HOME=/var/lib/fluvial
USER 10001:10001
EXPOSE 8080 9464
# a worker is well while it reads, learns and writes; why it does not is told in one line
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9464/ready', timeout=3)"]
CMD ["fluvial", "--help"]
