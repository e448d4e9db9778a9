#!/usr/bin/env bash
# Regenerates requirements.lock from pyproject.toml: pinned, hashed, without addresses. Arguments go to uv (--upgrade).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/bootstrap.sh
bootstrap
env -u UV_PYTHON UV_PYTHON_DOWNLOADS=never .venv/bin/uv pip compile --quiet --system-certs --python-version 3.12 \
  --no-emit-index-url --generate-hashes --no-header --group dev pyproject.toml --output-file requirements.lock "$@"
bootstrap
