#!/usr/bin/env bash
# Deletes what scripts/deploy.sh made of one environment, after asking for its name.
#
#   scripts/teardown.sh ENV [--data] [--yes] [Parameter=Value ...]
#
#   --data  the tables with every row and the page's users too, for good; without it they stay, and a later
#           deployment goes on with them
#   --yes   does not ask
#
# Credentials and region are the AWS command line's own. What stays in any case: the bucket of templates and code, API
# Gateway's log role (one per account and region, others may use it), and what `infra/network.yaml` and
# `infra/member-role.yaml` made.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/bootstrap.sh
source scripts/deploy_steps.sh

[ "${1:-}" != --help ] && [ "${1:-}" != -h ] || usage "$0"
one_environment "${1:-}"
bootstrap
deployment teardown "$@"
