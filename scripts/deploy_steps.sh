# Sourced by deploy.sh: its steps, in order.

done_so_far=()

read_parameters() {
  # From the environment's file, then from the command line: the last word counts.
  local file=infra/environments/$1.conf line
  environment=$1
  shift
  [ -f "$file" ] || { echo "deploy.sh: $file is missing; infra/environments/example.conf shows what goes in" >&2; exit 2; }
  parameters=("Environment=$environment")
  while IFS= read -r line || [ -n "$line" ]; do
    [[ $line =~ ^[[:space:]]*(#|$) ]] || parameters+=("$line")
  done <"$file"
  parameters+=("$@")
  project=$(parameter Project hrp-drs-tech-adapter)
  architecture=$(parameter Architecture arm64)
  stack=$project-$environment
}

parameter() {
  # The value of a parameter, or the default given.
  local value=$2 it
  for it in "${parameters[@]}"; do
    [ "${it%%=*}" != "$1" ] || value=${it#*=}
  done
  echo "$value"
}

run_checks() {
  echo "== Checks"
  ./test.sh
  .venv/bin/cfn-lint
  local scan
  scan=$(tool_venv scan)
  "$scan/checkov" --directory infra --framework cloudformation --skip-download --quiet --compact
  audit "$scan"
  done_so_far+=("checked: lint, types, imports, tests, templates, security rules")
}

audit() {
  # Known holes in what the functions ship. Only a machine that reaches the advisories can tell.
  local report status=0
  report=$("$1/pip-audit" --requirement infra/lambda.lock --no-deps --disable-pip 2>&1) || status=$?
  if [ $status -eq 0 ]; then
    done_so_far+=("audited: no known vulnerability in the locked dependencies")
  elif grep -qiE "connection|resolve|timed out|unreachable|HTTPError|proxy" <<<"$report"; then
    echo "!! DEPENDENCY AUDIT SKIPPED: the advisories cannot be reached from here" >&2
    done_so_far+=("NOT audited: the advisories could not be reached")
  else
    echo "$report" >&2
    exit 1
  fi
}

build_zips() {
  echo "== Zips for $architecture"
  .venv/bin/python scripts/build_zips.py --architecture "$architecture"
  done_so_far+=("built: query, data_management and execution for $architecture")
}

find_account() {
  # Whose account this is; a dry run does without.
  if account=$(aws sts get-caller-identity --query Account --output text 2>/dev/null); then
    region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
    [ -n "$region" ] || { echo "deploy.sh: no region; set AWS_REGION" >&2; exit 2; }
    export AWS_REGION=$region AWS_DEFAULT_REGION=$region
  elif [ -n "$1" ]; then
    account=""
    echo "!! No AWS credentials: what would change in AWS is not shown" >&2
  else
    echo "deploy.sh: no AWS credentials" >&2
    exit 2
  fi
}

deploy_stack() {
  # $1: dry run
  [ -n "$account" ] || return 0
  echo "== Stack $stack in $account/$region"
  local bucket=$project-artifacts-$account-$region
  if ! aws s3api head-bucket --bucket "$bucket" >/dev/null 2>&1; then
    aws s3 mb "s3://$bucket"
    aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
      BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
  fi
  aws cloudformation package --template-file infra/template.yaml --s3-bucket "$bucket" --s3-prefix "$stack" \
    --output-template-file build/packaged.yaml >build/package.log 2>&1 || { cat build/package.log >&2; exit 1; }
  local options=() release
  release=$({ cat build/*.zip infra/*.yaml infra/execution.asl.json; printf '%s\n' "${parameters[@]}"; } | openssl dgst -sha256 -r)
  [ -z "$1" ] || options+=(--no-execute-changeset)
  aws cloudformation deploy --template-file build/packaged.yaml --stack-name "$stack" \
    --capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset \
    --parameter-overrides "${parameters[@]}" "Release=${release:0:16}" --tags "Project=$project" "Environment=$environment" "${options[@]}"
  [ -z "$1" ] || return 0
  done_so_far+=("deployed: stack $stack")
  [ -z "$(output PageBucket)" ] || upload_page
}

output() {
  # An output of the stack; empty when it has none of that name.
  local value
  value=$(aws cloudformation describe-stacks --stack-name "$stack" \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue | [0]" --output text)
  [ "$value" = None ] || echo "$value"
}

upload_page() {
  local bucket
  bucket=$(output PageBucket)
  printf 'export const CLIENT_ID = "%s";\nexport const SIGN_IN_HOST = "%s";\n' \
    "$(output PageClientId)" "$(output SignInHost)" >build/sign-in-config.js
  aws s3 sync services/page "s3://$bucket" --delete --exclude "sign-in/*" --exclude csp.txt \
    --cache-control no-cache --only-show-errors
  aws s3 sync infra/sign-in "s3://$bucket/sign-in" --cache-control no-cache --only-show-errors
  aws s3 cp build/sign-in-config.js "s3://$bucket/sign-in/config.js" --cache-control no-cache --only-show-errors
  aws cloudfront create-invalidation --distribution-id "$(output PageDistribution)" --paths "/*" >/dev/null
  done_so_far+=("uploaded: the page, $(output PageUrl)")
}

deploy_code() {
  # $1: dry run. The page-read function is published anew and its alias moved, so that its snapshot is of this code.
  local name zip version
  [ -n "$account" ] || return 0
  for name in query-handler:query data-management-handler:data_management \
    recovery-instance-sync:data_management execution-handler:execution; do
    zip=build/${name#*:}.zip name=$project-${name%%:*}-$environment
    if [ -n "$1" ]; then
      compare_code "$name" "$zip"
      continue
    fi
    aws lambda update-function-code --function-name "$name" --zip-file "fileb://$zip" >/dev/null
    aws lambda wait function-updated-v2 --function-name "$name"
  done
  [ -z "$1" ] || return 0
  name=$project-query-handler-$environment
  version=$(aws lambda publish-version --function-name "$name" --query Version --output text)
  aws lambda wait published-version-active --function-name "$name" --qualifier "$version"
  aws lambda update-alias --function-name "$name" --name live --function-version "$version" >/dev/null
  done_so_far+=("replaced: the code of the four functions; pages are read by version $version")
}

compare_code() {
  # Lambda tells the SHA-256 of the code it runs.
  local theirs ours
  theirs=$(aws lambda get-function-configuration --function-name "$1" --query CodeSha256 --output text)
  ours=$(openssl dgst -sha256 -binary "$2" | openssl base64)
  [ "$theirs" = "$ours" ] && echo "$1: the same code" || echo "$1: would be replaced"
}

smoke_test() {
  echo "== Smoke test"
  local api id
  api=$(output ApiUrl)
  id=${api#https://}
  [ -z "${API_URL:-}" ] || api=${API_URL//\{id\}/${id%%.*}}
  .venv/bin/python scripts/smoke.py --project "$project" --environment "$environment" --api "$api"
  done_so_far+=("tried: the functions, their routes, and that strangers are refused")
}

say_what_was_done() {
  echo "== Done${1:+ (dry run: nothing was changed)}"
  printf '  %s\n' "${done_so_far[@]}"
  if [ -z "$1" ]; then
    echo "  API $(output ApiUrl)"
    echo "  Page $(output PageUrl)"
    echo "  Dashboard $(output Dashboard)"
  fi
}
