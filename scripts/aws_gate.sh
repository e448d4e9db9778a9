#!/usr/bin/env bash
# The gate: an hour in a sandbox account, in which everything must happen that no emulator shows.
#
#   scripts/aws_gate.sh ENV [--list] [--only STEP,STEP,...] [--yes]
#
#   ENV     an environment of its own, with its file in infra/environments: at its end everything of it is deleted
#   --list  tells the steps and the result that each must have, and does nothing
#   --only  runs these steps alone, in the order given here
#   --yes   does not ask
#
# Write Authorisation=IAM, PlatformTables=create and OperatorGroups=<the IAM role or user that you run this as> into ENV's
# file: the steps call the API with signed requests. For the drills, deploy the member role first, and after the step
# `create` write the rows of target-accounts and recovery-plans (docs/deploy.md); then name a plan of one or two servers in
# this account and one in a member account:
#   GATE_HOME_PLAN=plan-a GATE_MEMBER_PLAN=plan-b scripts/aws_gate.sh ENV --only home_drill,member_drill
# What a step printed is in build/gate. The exit code is 1 when a step failed, 3 when one was not run for want of a plan.
# shellcheck disable=SC2329  # each step is called by its name
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
source scripts/bootstrap.sh
source scripts/tools.sh
source scripts/deploy_steps.sh

STEPS="create unchanged one_parameter back_again served roll_back connect publisher home_drill member_drill delete create_again
outlive teardown"

expected() {
  case $1 in
    create) echo "CREATE_COMPLETE, every table protected, the smoke test passes" ;;
    unchanged) echo "no stack changed, no version published" ;;
    one_parameter) echo "LogRetentionDays changes: UPDATE_COMPLETE, and no version published" ;;
    back_again) echo "deployed without it: LogRetentionDays is the default again" ;;
    served) echo "ReadFrom=table publishes one version, and pages are read by it; then mirror again" ;;
    roll_back) echo "a schedule that EventBridge refuses: UPDATE_ROLLBACK_COMPLETE, exit 1, and pages still answer" ;;
    connect) echo "the mirror lets a function in within its connect budget, 95 times of 100" ;;
    publisher) echo "a row written past every sync is in the mirror within a minute" ;;
    home_drill) echo "a drill in this account launches every server, and termination ends all of them" ;;
    member_drill) echo "the same in a member account" ;;
    delete) echo "the main stack goes, page files and all; the tables and their rows stay" ;;
    create_again) echo "the same environment is created again over the tables that stayed" ;;
    outlive) echo "the data stack deleted: its tables stay, deploy refuses and names import, import takes them in" ;;
    teardown) echo "nothing of the environment is left but the artifact bucket" ;;
  esac
}

step_create() {
  deploy && is_protected
}

step_unchanged() {
  local before
  before=$(served_version)
  deploy && said 2 "nothing to change" && [ "$(served_version)" = "$before" ]
}

step_one_parameter() {
  local before
  before=$(served_version)
  deploy LogRetentionDays=30 && [ "$(retention)" = 30 ] && [ "$(served_version)" = "$before" ]
}

step_back_again() {
  deploy && [ "$(retention)" = 365 ]
}

step_served() {
  local before
  before=$(served_version)
  deploy ReadFrom=table && [ "$(read_from)" = table ] && [ "$(served_version)" = $((before + 1)) ] &&
    deploy && [ "$(read_from)" = mirror ]
}

step_roll_back() {
  ! deploy "Schedule=rate(0 minutes)" && said 1 "is UPDATE_ROLLBACK_COMPLETE" &&
    call GET /recovery-plans && deploy
}

step_connect() {
  .venv/bin/python -m scripts.gate_connect "$project" "$environment"
}

step_publisher() {
  local table="$project-recovery-instances-$environment" tries=0 missing="" now
  now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  aws dynamodb put-item --table-name "$table" --item '{"sourceServerId": {"S": "s-00000000000000000"},
    "version": {"N": "'"$(date +%s)000"'"}, "presence": {"S": "absent"}, "place": {"S": "000000000000/us-east-1"},
    "accountId": {"S": "000000000000"}, "region": {"S": "us-east-1"}, "lastSyncTime": {"S": "'"$now"'"}}' || return 1
  while [ "$missing" != 0 ] && [ "$tries" -lt 30 ]; do
    sleep 2
    tries=$((tries + 1))
    aws lambda invoke --function-name "$project-data-management-handler-$environment" \
      --payload '{"operation": "audit_mirror"}' build/gate/audit.json >/dev/null || break
    missing=$(answer missing <build/gate/audit.json)
    echo "missing: $missing"
  done
  aws dynamodb delete-item --table-name "$table" --key '{"sourceServerId": {"S": "s-00000000000000000"}}'
  [ "$missing" = 0 ]
}

step_home_drill() {
  drill "${GATE_HOME_PLAN:-}"
}

step_member_drill() {
  drill "${GATE_MEMBER_PLAN:-}"
}

step_delete() {
  scripts/teardown.sh "$environment" --yes && ! exists_stack "" && is_protected
}

step_create_again() {
  deploy
}

step_outlive() {
  scripts/teardown.sh "$environment" --yes &&
    aws cloudformation delete-stack --stack-name "$project-$environment-data" &&
    aws cloudformation wait stack-delete-complete --stack-name "$project-$environment-data" &&
    is_protected && ! deploy && said 1 "scripts/import.sh" &&
    scripts/import.sh "$environment" && deploy
}

step_teardown() {
  scripts/teardown.sh "$environment" --data --yes && ! exists_stack "" && ! exists_stack -data && ! exists_stack -users &&
    [ -z "$(aws dynamodb list-tables --query "TableNames[?starts_with(@,'$project')&&ends_with(@,'-$environment')]" --output text)" ]
}

deploy() {
  scripts/deploy.sh "$environment" --no-checks ${1+"$1"} 2>&1 | tee build/gate/deploy.log
  return "${PIPESTATUS[0]}"
}

said() {
  # said N WORDS: the last deployment said them N times.
  [ "$(grep -c -- "$2" build/gate/deploy.log)" -ge "$1" ]
}

served_version() {
  aws lambda get-alias --function-name "$project-query-handler-$environment" --name live --query FunctionVersion --output text
}

read_from() {
  aws lambda get-function-configuration --function-name "$project-query-handler-$environment" --qualifier live \
    --query Environment.Variables.READ_FROM --output text
}

retention() {
  aws logs describe-log-groups --log-group-name-prefix "/aws/lambda/$project-query-handler-$environment" \
    --query "logGroups[0].retentionInDays" --output text
}

is_protected() {
  aws dynamodb describe-table --table-name "$project-recovery-instances-$environment" \
    --query Table.DeletionProtectionEnabled --output text | grep -qi true
}

exists_stack() {
  aws cloudformation describe-stacks --stack-name "$project-$environment$1" >/dev/null 2>&1
}

call() {
  .venv/bin/python -m scripts.signed_call "$environment" "$@"
}

drill() {
  # Starts it, follows it to its end, terminates what it launched, follows that. Status 3: no plan was named.
  local execution
  [ -n "$1" ] || return 3
  execution=$(call POST /executions "{\"planId\": \"$1\", \"executionType\": \"DRILL\"}" | answer executionId) &&
    until_is "/executions/$execution" "COMPLETED" "FAILED PARTIAL CANCELLED" &&
    call POST "/executions/$execution/terminate-instances" "{}" &&
    until_is "/executions/$execution/termination-status" "COMPLETED" "FAILED PARTIAL"
}

until_is() {
  # until_is PATH GOOD BAD: asks every 20 s for an hour.
  local status tries=0
  while [ "$tries" -lt 180 ]; do
    status=$(call GET "$1" | answer status)
    echo "$1: $status"
    [ "$status" != "$2" ] || return 0
    case " $3 " in *" $status "*) return 1 ;; esac
    sleep 20
    tries=$((tries + 1))
  done
  return 1
}

answer() {
  .venv/bin/python -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

environment="" list="" only="" yes=""
while [ $# -gt 0 ]; do
  case $1 in
    --list) list=yes ;;
    --only) only=${2:-}; shift ;;
    --yes) yes=yes ;;
    -h | --help) usage "$0" ;;
    -*) wrong "unknown option $1" ;;
    *) environment=$1 ;;
  esac
  shift
done

wanted=$(echo "${only:-$STEPS}" | tr ',\n' '  ')
for step in $wanted; do
  [ -n "$(expected "$step")" ] || wrong "no step $step; there are: $(echo "$STEPS" | tr '\n' ' ')"
  [ -z "$list" ] || printf '%-14s %s\n' "$step" "$(expected "$step")"
done
[ -z "$list" ] || exit 0

one_environment "$environment"
bootstrap
PATH="$(tool_venv deploy):$PATH"
parameters=$(deployment parameters "$environment") || exit 2
project=$(value Project "$parameters")
echo "The gate makes and DELETES $project-$environment, rows and all, in account $(aws sts get-caller-identity --query Account --output text)."
if [ -z "$yes" ]; then
  printf 'The environment'"'"'s name, to go on: '
  read -r word
  [ "$word" = "$environment" ] || wrong "nothing was done"
fi
mkdir -p build/gate
worst=0 results=()
for step in $wanted; do
  echo "== $step: $(expected "$step")"
  began=$(date +%s) status=0
  "step_$step" >"build/gate/$step.log" 2>&1 || status=$?
  case $status in
    0) result=passed ;;
    3) result="NOT RUN: no plan named"; [ $worst -ne 0 ] || worst=3 ;;
    *) result="FAILED, see build/gate/$step.log"; worst=1; tail -5 "build/gate/$step.log" ;;
  esac
  results+=("$(printf '%-14s %5s s  %s' "$step" "$(($(date +%s) - began))" "$result")")
  echo "   $result"
  [ $status -eq 0 ] || [ $status -eq 3 ] || break  # what follows would tell nothing
done
echo "== Gate"
printf '%s\n' ${results[@]+"${results[@]}"}
exit $worst
