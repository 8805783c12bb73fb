"""Runs checkov over the synthesized templates. Exit code 1 for a finding that nobody explains below, and for an explanation that explains nothing."""

import json
import pathlib
import re
import subprocess
import sys

# The check, the resources, and why the finding stays. docs/security.md has the decisions.
EXPLAINED = [
    ("CKV_AWS_115", r"Function|Handler", "A new account cannot reserve concurrency: decided in docs/security.md"),
    ("CKV_AWS_116", r"Function|Handler", "Ticks and queues repeat what failed, and an alarm reports each error"),
    ("CKV_AWS_117", r"Function|Handler", "The functions use AWS APIs only. The warehouse is in the VPC"),
    ("CKV_AWS_158", r"Logs", "Decided in docs/security.md"),
    ("CKV_AWS_173", r"Function", "The variables are names and ARNs, no secrets"),
    ("CKV_AWS_18", r"^AWS::S3::Bucket\.Logs", "This bucket takes the access logs of the others"),
    ("CKV_AWS_21", r"^AWS::S3::Bucket\.(Logs|Work)", "What they hold expires, and nobody needs an older version"),
]


def findings(assembly):
    templates = sorted(pathlib.Path(assembly).rglob("*.template.json"))
    files = [argument for template in templates for argument in ("-f", str(template))]
    checkov = pathlib.Path(sys.executable).with_name("checkov")
    command = [checkov, "--framework", "cloudformation", "--skip-download", "--quiet", "--compact", "-o", "json", *files]
    run = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    if not run.stdout.strip():
        sys.exit(f"checkov printed nothing: {run.stderr[-2000:]}")
    reports = json.loads(run.stdout)
    reports = reports if isinstance(reports, list) else [reports]
    if not all(report["summary"]["passed"] > 100 for report in reports):
        sys.exit("checkov checked almost nothing")
    return [
        (found["check_id"], found["resource"], pathlib.Path(found["file_path"]).name, found["check_name"])
        for report in reports
        for found in report["results"]["failed_checks"]
    ]


def main(assembly):
    found = findings(assembly)
    used = set()
    wrong = []
    for check, resource, file, what in found:
        explained = [line for line in EXPLAINED if line[0] == check and re.search(line[1], resource)]
        used.update(explained)
        if not explained:
            wrong.append(f"{file} {resource}: {check} {what}")
    wrong += [f"explains nothing any more: {line[0]} {line[1]}" for line in EXPLAINED if line not in used]
    print("\n".join(wrong) or f"checkov: {len(found)} findings, each explained")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
