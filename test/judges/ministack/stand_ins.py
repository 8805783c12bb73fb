"""
Starts ministack, an emulator of AWS that nobody of this project wrote, with stand-ins for what it lacks and a deployment of Millrace needs.

Each stand-in says what is not judged: docs/reference/judges.md has the same list. A type that ministack learns makes its stand-in an error, so
that the list stays true.
"""

import json
import os
import secrets
import sys
import threading
import time
from datetime import datetime, timezone

from ministack.app import main
from ministack.services import eventbridge, firehose, secretsmanager
from ministack.services.cloudformation import provisioners

# Resource types without a model: they get a name, and nothing behind it.
NAMES_ALONE = [
    "AWS::EC2::FlowLog",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::Redshift::ClusterParameterGroup",
    "AWS::Redshift::ClusterSubnetGroup",
    "AWS::Redshift::ScheduledAction",
]


def physical_name(logical_id, props, stack_name):
    return f"{stack_name}-{logical_id}".lower()[:60], {}


def cluster(logical_id, props, stack_name):
    """The cluster is Millrace's own warehouse, reached over the Data API. What Redshift does by itself is the secret of the administrator."""
    name, user = props["ClusterIdentifier"], props["MasterUsername"]
    if not props.get("ManageMasterPassword"):
        raise ValueError("ManageMasterPassword must be true: the stand-in makes the secret")
    secret = {"username": user, "password": secrets.token_urlsafe(24)}
    _, _, body = secretsmanager._create_secret({"Name": f"redshift!{name}-{user}", "SecretString": json.dumps(secret)})[:3]
    return name, {"Id": name, "MasterPasswordSecretArn": json.loads(body)["ARN"]}


def attachment(logical_id, props, stack_name):
    """ministack attaches secrets to RDS alone. The secret stays as it is; Ref of an attachment is the secret's ARN."""
    return props["SecretId"], {}


def handler(create):
    return {
        "create": create,
        "update": lambda physical_id, old, new, stack: (physical_id, {}),
        "delete": lambda physical_id, props: None,
    }


def stand_in_for(kind, create):
    if kind in provisioners._RESOURCE_HANDLERS:
        sys.exit(f"ministack models {kind} now: remove its stand-in")
    provisioners._RESOURCE_HANDLERS[kind] = handler(create)


def with_scheduled_time(invoke):
    """EventBridge Scheduler replaces its context attributes in a target's input; ministack delivers them as they stand."""

    def invoke_target(target, event, rule=None, *rest, **named):
        if event.get("Source") == "aws.scheduler":
            now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:00Z")
            target = {**target, "Input": target.get("Input", "{}").replace("<aws.scheduler.scheduled-time>", now)}
        return invoke(target, event, rule, *rest, **named)

    return invoke_target


def forward_events(path):
    """The statements' status changes, which the Data API puts onto the account's bus: from the file where the warehouse leaves them."""
    position = 0
    while True:
        time.sleep(0.2)
        if not os.path.exists(path):
            continue
        with open(path, "rb") as file:
            file.seek(position)
            read = file.read()
        whole = read[: read.rfind(b"\n") + 1]
        position += len(whole)
        for line in whole.splitlines():
            event = json.loads(line)
            entry = {"Source": event["source"], "DetailType": event["detail-type"], "Resources": event["resources"]}
            eventbridge._put_events({"Entries": [{**entry, "Detail": json.dumps(event["detail"])}]}, allow_aws_source=True)


if __name__ == "__main__":
    events = sys.argv[1]
    sys.argv[1:] = []
    provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::SecretTargetAttachment"] = handler(attachment)
    for kind in NAMES_ALONE:
        stand_in_for(kind, physical_name)
    stand_in_for("AWS::Redshift::Cluster", cluster)
    eventbridge._invoke_target = with_scheduled_time(eventbridge._invoke_target)
    # It calls the transform once a record, without the kinesisRecordMetadata that Firehose gives: PutRecords takes minutes, and nothing is archived.
    firehose.ingest_from_kinesis_source = lambda stream_arn, records: None
    threading.Thread(target=forward_events, args=(events,), daemon=True).start()
    main()
