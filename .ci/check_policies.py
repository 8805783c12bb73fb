"""Lints every policy of the synthesized templates (identity, resource, trust, key) with parliament. Exit code 1 for what nobody explains below."""

import json
import pathlib
import re
import sys

from parliament import analyze_policy_string

# What parliament says, of which policies, and why it stands. A line that explains nothing any more fails too.
EXPLAINED = [
    (
        r"-(dev|staging)/.*(Archive|Exports|History|Logs|Work)Policy",
        r"^RESOURCE_MISMATCH .*s3:List|^RESOURCE_POLICY_PRIVILEGE_ESCALATION .*s3:PutBucketPolicy",
        "CDK's function that empties a bucket before it is deleted; only where data is not retained",
    ),
    (
        r"/Key\w+$",
        r"^UNKNOWN_CONDITION_FOR_ACTION .*kms:ViaService",
        "A deny of kms:* to partners unless it comes through S3: it holds for actions without the key too, which is meant",
    ),
]

POLICIES = {
    "AWS::IAM::Policy": ("PolicyDocument",),
    "AWS::IAM::ManagedPolicy": ("PolicyDocument",),
    "AWS::IAM::Role": ("AssumeRolePolicyDocument", "Policies"),
    "AWS::S3::BucketPolicy": ("PolicyDocument",),
    "AWS::SQS::QueuePolicy": ("PolicyDocument",),
    "AWS::SNS::TopicPolicy": ("PolicyDocument",),
    "AWS::KMS::Key": ("KeyPolicy",),
}
SERVICES = {"Bucket": "s3:::{}", "Queue": "sqs:eu-west-1:111122223333:{}", "Stream": "kinesis:eu-west-1:111122223333:stream/{}"}
SERVICES |= {"Function": "lambda:eu-west-1:111122223333:function:{}", "Key": "kms:eu-west-1:111122223333:key/{}"}
SERVICES |= {"Role": "iam::111122223333:role/{}", "Topic": "sns:eu-west-1:111122223333:{}", "Secret": "secretsmanager:eu-west-1:111122223333:secret:{}"}
SERVICES |= {"LogGroup": "logs:eu-west-1:111122223333:log-group:{}:*", "StateMachine": "states:eu-west-1:111122223333:stateMachine:{}"}
PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": "111122223333", "AWS::Region": "eu-west-1", "AWS::URLSuffix": "amazonaws.com"}


def resolve(value, template, exports):
    """The value as a deployment would have it, with invented names."""
    if isinstance(value, list):
        return [resolve(item, template, exports) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, content),) = value.items()
        if name == "Ref":
            return PSEUDO.get(content) or arn_or_name(content, "Ref", template)
        if name == "Fn::GetAtt":
            identifier, attribute = content if isinstance(content, list) else content.split(".", 1)
            return arn_or_name(identifier, attribute, template)
        if name == "Fn::ImportValue":
            return exports[content]
        if name == "Fn::Join":
            return content[0].join(resolve(content[1], template, exports))
        if name == "Fn::Sub":
            return re.sub(r"\$\{([\w:]+)\}", lambda found: str(resolve({"Ref": found[1]}, template, exports)), content)
        if name == "Fn::Select":
            return resolve(content[1], template, exports)[int(content[0])]
        if name == "Fn::Split":
            return resolve(content[1], template, exports).split(content[0])
    return {key: resolve(item, template, exports) for key, item in value.items()}


def arn_or_name(identifier, attribute, template):
    kind = template["Resources"][identifier]["Type"].split("::")[-1]
    short = identifier.lower()[:40]
    if attribute.endswith("SecretArn"):
        kind = "Secret"
    by_ref = kind in ("Secret", "Topic", "StateMachine")
    if kind not in SERVICES or not (attribute.endswith("Arn") or (attribute == "Ref" and by_ref)):
        return short
    return "arn:aws:" + SERVICES[kind].format(short)


def policies(path, template, exports):
    for identifier, resource in template["Resources"].items():
        for field in POLICIES.get(resource["Type"], ()):
            value = resolve(resource["Properties"].get(field, []), template, exports)
            documents = [item["PolicyDocument"] for item in value] if isinstance(value, list) else [value]
            for document in documents:
                yield f"{path.parent.name}/{path.name.split('.')[0]}/{identifier}", field, document


def findings(field, document):
    for statement in document["Statement"]:
        # parliament does not know trust policies, which have no resource
        if field == "AssumeRolePolicyDocument":
            statement["Resource"] = "*"
    for finding in analyze_policy_string(json.dumps(document)).findings:
        if field in ("AssumeRolePolicyDocument", "KeyPolicy") and finding.issue in ("RESOURCE_STAR", "RESOURCE_EFFECTIVELY_STAR"):
            continue
        yield finding.issue, finding.detail


def main(folder):
    templates = {path: json.loads(path.read_text()) for path in sorted(pathlib.Path(folder).glob("assembly-*/*.template.json"))}
    if not templates:
        sys.exit(f"{folder} has no templates: npm run synth")
    exports = {}
    for template in templates.values():
        for output in template.get("Outputs", {}).values():
            if "Export" in output:
                exports[output["Export"]["Name"]] = resolve(output["Value"], template, exports)
    unexplained, used, count = [], set(), 0
    for path, template in templates.items():
        for where, field, document in policies(path, template, exports):
            count += 1
            for issue, detail in findings(field, document):
                text = f"{issue} {json.dumps(detail)}"
                known = [line for line in EXPLAINED if re.search(line[0], where) and re.search(line[1], text)]
                used.update(line[:2] for line in known)
                if not known:
                    unexplained.append(f"{where} {field}: {text}")
    idle = [f"nothing is explained by {line[:2]} any more" for line in EXPLAINED if line[:2] not in used]
    print("\n".join(unexplained + idle))
    print(f"{count} policies, {len(unexplained)} findings that nobody explains")
    return 1 if unexplained or idle else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
