#!/usr/bin/env bash
# with_runtime.sh DATA COMMAND…: runs the command beside the local runtime over the folder, with the variables of `millrace endpoints`
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
data=$1
shift
log=$(mktemp)
node "$root/bin/millrace.js" local --json --events 500 --data "$data" >/dev/null 2>"$log" &
runtime=$!
trap 'kill "$runtime" 2>/dev/null || true; wait "$runtime" 2>/dev/null || true; rm -f "$log"' EXIT

variables=''
for _ in $(seq 90); do
  if variables=$(node "$root/bin/millrace.js" endpoints --data "$data" 2>/dev/null); then break; fi
  kill -0 "$runtime" 2>/dev/null || break
  sleep 1
done
[ -n "$variables" ] || { cat "$log" >&2; exit 1; }
eval "$variables"
"$@"
