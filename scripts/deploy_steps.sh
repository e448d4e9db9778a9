# shellcheck shell=bash disable=SC2154
# Sourced by deploy.sh, import.sh and teardown.sh: what they share. `environment`, `parameters` and `outputs` are deploy.sh's.

wrong() {
  echo "$(basename "$0"): $1 (--help tells)" >&2
  exit 2
}

usage() {
  # Prints the comment that a script begins with.
  sed -n -e '2,/^set /{' -e '/^set /d' -e '/shellcheck/d' -e 's/^# \{0,1\}//' -e p -e '}' "$1"
  exit 0
}

one_environment() {
  [[ $1 =~ ^[a-z][a-z0-9-]*$ ]] || wrong "name one environment, in lower case: $(basename "$0") dev"
}

deployment() {
  .venv/bin/python -m scripts.deployment "$@"
}

value() {
  # value NAME LINES: what follows NAME= in lines of Name=Value.
  echo "$2" | sed -n "s/^$1=//p"
}

run_checks() {
  echo "== Checks"
  ./test.sh
  .venv/bin/cfn-lint
  local scan
  scan=$(tool_venv scan)
  "$scan/checkov" --directory infra --framework cloudformation --skip-download --quiet --compact
  audit "$scan"
}

audit() {
  # Known holes in what the functions ship. Only a machine that reaches the advisories can tell.
  local report status=0
  report=$("$1/pip-audit" --requirement infra/lambda.lock --no-deps --disable-pip 2>&1) || status=$?
  if [ $status -eq 0 ]; then
    echo "No known vulnerability in the locked dependencies"
  elif grep -qiE "connection|resolve|timed out|unreachable|HTTPError|proxy" <<<"$report"; then
    echo "!! DEPENDENCY AUDIT SKIPPED: the advisories cannot be reached from here" >&2
  else
    echo "$report" >&2
    exit 1
  fi
}

build_zips() {
  echo "== Zips for $1"
  .venv/bin/python scripts/build_zips.py --architecture "$1"
}

smoke_test() {
  # Each function, its routes, and that strangers are refused.
  echo "== Smoke test"
  local api id
  api=$(value ApiUrl "$outputs")
  id=${api#https://}
  [ -z "${API_URL:-}" ] || api=${API_URL//\{id\}/${id%%.*}}
  .venv/bin/python scripts/smoke.py --project "$(value Project "$parameters")" --environment "$environment" --api "$api"
}
