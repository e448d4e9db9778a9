#!/usr/bin/env bash
# Starts the whole product on this machine and serves its page; with arguments, runs that command instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source scripts/bootstrap.sh
bootstrap
if [ $# -eq 0 ]; then
  set -- local
fi
exec .venv/bin/python scripts/checkout.py "$@"
