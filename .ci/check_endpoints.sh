#!/usr/bin/env bash
# check_endpoints.sh DATA: schemathesis drives /openapi.json against the local runtime over the folder. No answer may be a 5xx or undocumented
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
data=$(realpath "$1")
millrace() { node "$root/bin/millrace.js" "$@" --data "$data"; }
# schemathesis writes a cache into its folder.
cd "$(mktemp -d)"
address=$(millrace api list --json | node -p 'JSON.parse(fs.readFileSync(0, "utf8")).url')

# Many of these requests exceed the rate of the endpoints. 429 is documented.
drive() {
  local token=$1
  shift
  schemathesis run "$address/openapi.json" --header "Authorization: Bearer $token" --phases coverage,fuzzing --max-examples 15 --seed 1 --rate-limit 20/s \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance "$@"
}

drive "$(millrace api token --scope estore.revenue --scope estore.top_products --scope estore.product_views --scope pageviews.traffic)" \
  --exclude-path-regex '^/iam/|/cart[.]'
drive "$(millrace api token --scope estore.cart --fixed customer_id=customer_1)" --include-path-regex '^/v1/estore/cart[.]'
