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
# A parameter here holds for this deployment only. scripts/import.sh takes in tables that exist, scripts/teardown.sh
# deletes a deployment. Credentials and region are the AWS command line's own (AWS_PROFILE, AWS_REGION, ...). API_URL says
# where the API is reached from here if that is not its own address, with {id} for its id (a private API's endpoint).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/bootstrap.sh
source scripts/tools.sh
source scripts/deploy_steps.sh

environment="" options=() checks=yes dry_run="" words=()
for word in "$@"; do
  case $word in
    --lambda-only) options+=("$word") ;;
    --dry-run) options+=("$word") dry_run=yes ;;
    --no-checks) checks="" ;;
    -h | --help) usage "$0" ;;
    *=*) words+=("$word") ;;
    -*) wrong "unknown option $word" ;;
    *) environment=${environment:+$environment }$word ;;
  esac
done
one_environment "$environment"

bootstrap
# The AWS command line packages the templates. ${array[@]+"${array[@]}"}: bash before 4.4 calls an empty array unset.
PATH="$(tool_venv deploy):$PATH"
parameters=$(deployment parameters "$environment" ${words[@]+"${words[@]}"})
[ -z "$checks" ] || run_checks
build_zips "$(value Architecture "$parameters")"
deployment deploy "$environment" ${words[@]+"${words[@]}"} ${options[@]+"${options[@]}"}
if [ -n "$dry_run" ]; then
  echo "== Dry run: nothing was changed"
  exit 0
fi
outputs=$(deployment outputs "$environment" ${words[@]+"${words[@]}"})
smoke_test
echo "== Done"
echo "$outputs" | sed -n -E 's/^(ApiUrl|PageUrl|Dashboard)=/  \1 /p'
