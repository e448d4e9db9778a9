#!/usr/bin/env bash
# Checks, builds and deploys one environment, tries it, and says what it did.
#
#   scripts/deploy.sh ENV [--lambda-only] [--dry-run] [--no-checks] [Parameter=Value ...]
#
#   ENV            the environment; its parameters come from infra/environments/ENV.conf (see example.conf)
#   --lambda-only  replaces the functions' code and nothing else: minutes become seconds, forwards and back
#   --dry-run      checks and builds, and shows what a deployment would change
#   --no-checks    for where the same commit has just been checked
#
# Credentials and region are the AWS command line's own (AWS_PROFILE, AWS_REGION, ...). API_URL says where the API is reached
# from here if that is not its own address, with {id} for its id (a private API's endpoint, for one).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/bootstrap.sh
source scripts/tools.sh
source scripts/deploy_steps.sh

environment="" lambda_only="" dry_run="" checks=yes overrides=()
for word in "$@"; do
  case $word in
    --lambda-only) lambda_only=yes ;;
    --dry-run) dry_run=yes ;;
    --no-checks) checks="" ;;
    -h | --help) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *=*) overrides+=("$word") ;;
    -*) echo "deploy.sh: unknown option $word (--help tells)" >&2; exit 2 ;;
    *) environment=${environment:+$environment }$word ;;
  esac
done
if [[ ! $environment =~ ^[a-z][a-z0-9-]{0,9}$ ]]; then
  echo "deploy.sh: name one environment, in lower case: scripts/deploy.sh dev (--help tells)" >&2
  exit 2
fi

bootstrap
read_parameters "$environment" "${overrides[@]}"
[ -z "$checks" ] || run_checks
build_zips
PATH="$(tool_venv deploy):$PATH"
find_account "$dry_run"
if [ -n "$lambda_only" ]; then
  deploy_code "$dry_run"
else
  deploy_stack "$dry_run"
fi
[ -n "$dry_run" ] || smoke_test
say_what_was_done "$dry_run"
