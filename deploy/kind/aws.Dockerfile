# AWS made of moto, as a pod: for trying things out, never for a cluster that others reach.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm
FROM ${PYTHON_IMAGE}
WORKDIR /aws
COPY deploy/kind/requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary=:all: -r requirements.lock
COPY deploy/local/localworld localworld
COPY deploy/kind/aws.py ./
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
USER 65532:65532
ENTRYPOINT ["python", "/aws/aws.py"]
