#!/usr/bin/env bash
# Takes tables that exist, and that no stack holds, into an environment's deployment with their rows.
#
#   scripts/import.sh ENV [Parameter=Value ...]
#
# For tables that outlived their stack, and for tables restored from a backup under their own names. The next
# scripts/deploy.sh makes those that are missing and brings all of them to what infra/tables.yaml says. Credentials and
# region are the AWS command line's own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/bootstrap.sh
source scripts/deploy_steps.sh

[ "${1:-}" != --help ] && [ "${1:-}" != -h ] || usage "$0"
one_environment "${1:-}"
bootstrap
deployment import "$@"
