#!/usr/bin/env bash
# Starts the whole product on this machine and serves its page; --world platform seeds it with rows as the platform
# around it writes them. With other arguments, runs that command instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source scripts/bootstrap.sh
bootstrap
case "${1:-}" in
  "" | --four-eyes* | --port* | --servers* | --interval* | --read-from* | --world*) set -- local "$@" ;;
esac
exec .venv/bin/python scripts/checkout.py "$@"
