#!/usr/bin/env bash
# Lint, types, import rules and tests. Arguments go to pytest, and then only pytest runs: ./test.sh tests/local -k front
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source scripts/bootstrap.sh
source scripts/browser.sh
source scripts/redis.sh
bootstrap
PATH="$PWD/.venv/bin:$PATH"
export PYTHONDONTWRITEBYTECODE=1
if [ $# -gt 0 ]; then
  exec python -m pytest "$@"
fi
ensure_browser
ensure_redis
ruff check .
ruff format --check .
mypy
lint-imports
python -m pytest -n 2 --dist loadgroup -m "not long"
