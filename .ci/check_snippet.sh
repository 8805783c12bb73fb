#!/usr/bin/env bash
# Runs the AWS CLI snippet of the onboarding page as the partner would, against the local runtime that runs over the folder $1
# (with_runtime.sh). Needs aws, jq and curl.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for _ in $(seq 90); do
  if node "$root/bin/millrace.js" partners onboard analytics --data "$1" >"$work/page.md" 2>"$work/why"; then break; fi
  sleep 1
done
[ -s "$work/page.md" ] || { cat "$work/why" >&2; exit 1; }

sed -n '/^```sh$/,/^```$/p' "$work/page.md" | sed '1d;$d' >"$work/snippet.sh"
[ -s "$work/snippet.sh" ]
principal=$(sed -n 's/^| who may assume it | `\(.*\)` |$/\1/p' "$work/page.md")
credentials=$(curl -sSf -H "Authorization: Bearer $MILLRACE_TOKEN" -d "$principal" "$AWS_ENDPOINT_URL/_local/outsider")
mkdir "$work/partner"
(
  cd "$work/partner"
  AWS_ACCESS_KEY_ID=$(jq -r .accessKeyId <<<"$credentials")
  AWS_SECRET_ACCESS_KEY=$(jq -r .secretAccessKey <<<"$credentials")
  AWS_SESSION_TOKEN=$(jq -r .sessionToken <<<"$credentials")
  export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
  # shellcheck disable=SC1091
  source "$work/snippet.sh" >"$work/said"
  bucket=$(sed -n 's/^| bucket | `\(.*\)` |$/\1/p' "$work/page.md")
  # the newest window may be empty: back through the chain to one that is not
  success=$(jq -r .success latest.json)
  for _ in $(seq 200); do
    aws s3 cp --quiet "s3://$bucket/$success" success.json
    if jq -e '.rows > 0' success.json >/dev/null; then break; fi
    success=$(jq -er .previous.success success.json)
  done
  jq -r '.files[].key' success.json | while IFS= read -r key; do aws s3 cp --quiet "s3://$bucket/$key" "$key"; done
  jq -r '.files[] | "\(.sha256)  \(.key)"' success.json | sha256sum --check --quiet
  echo "publication $(jq .sequence success.json): $(jq .rows success.json) rows in $(jq '.files | length' success.json) files, as their checksums say"
)
