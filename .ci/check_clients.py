"""Uses the local services through boto3, the AWS CLI and pyarrow, unchanged. Needs the variables of `millrace endpoints`; argument: the data folder."""

import io
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

import boto3
import pyarrow
import pyarrow.fs
import pyarrow.parquet
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = pathlib.Path(__file__).parent.parent
AWS = pathlib.Path(sys.executable).parent / "aws"
DATA = sys.argv[1]
LARGE = os.urandom(12 * 1024 * 1024 + 17)
MIB = 1024 * 1024

s3 = boto3.client("s3")
history = next(b["Name"] for b in s3.list_buckets()["Buckets"] if "-history" in b["Name"])
prefix = "clients/"


def read(key):
    out = io.BytesIO()
    s3.download_fileobj(history, key, out)
    return out.getvalue()


def parts(key):
    return s3.head_object(Bucket=history, Key=key)["ETag"].strip('"').partition("-")[2]


def millrace(*args):
    command = ["node", str(ROOT / "bin/millrace.js"), *args, "--data", DATA, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def loaded():
    return [file["key"] for file in millrace("files", "--status", "loaded")["files"]]


def aws(*args, code=0):
    done = subprocess.run([str(AWS), *args], capture_output=True, text=True)
    assert done.returncode == code, (args, done.returncode, done.stderr)
    return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout + done.stderr


def put(url, content_type):
    # urllib adds a type of its own, and version 2 of the signature covers the type.
    request = urllib.request.Request(url, data=b"hello", method="PUT", headers={"Content-Type": content_type})
    try:
        urllib.request.urlopen(request).close()
        return 200
    except urllib.error.HTTPError as error:
        return error.code


def presigned(s3):
    url = s3.generate_presigned_url("get_object", Params={"Bucket": history, "Key": f"{prefix}large"})
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Range": "bytes=-10"})) as answer:
        assert (answer.status, answer.read()) == (206, LARGE[-10:])
    url = s3.generate_presigned_url("put_object", Params={"Bucket": history, "Key": f"{prefix}put"})
    assert put(url.replace(f"{prefix}put", f"{prefix}other"), "") == 403
    assert put(url, "") == 200
    assert read(f"{prefix}put") == b"hello"


def check_boto3():
    s3.upload_fileobj(io.BytesIO(LARGE), history, f"{prefix}large")
    assert read(f"{prefix}large") == LARGE and parts(f"{prefix}large") == "2"
    s3.copy({"Bucket": history, "Key": f"{prefix}large"}, history, f"{prefix}copy")
    assert read(f"{prefix}copy") == LARGE
    presigned(s3)
    presigned(boto3.client("s3", config=Config(signature_version="s3v4")))
    check_strangers()
    try:
        s3.get_object(Bucket=history, Key=f"{prefix}put", Range="bytes=5-")
        raise AssertionError("a range outside of the object was answered")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidRange", error
    listed = [entry.key for entry in boto3.resource("s3").Bucket(history).objects.filter(Prefix=prefix)]
    assert listed == [f"{prefix}{name}" for name in ("copy", "large", "put")], listed
    print("boto3: S3 in parts, in ranges, copied, presigned")


def check_strangers():
    """Another secret, another session and no signature at all."""
    other = boto3.client("s3", aws_secret_access_key="another", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"])
    for client, code in [(other, "SignatureDoesNotMatch"), (boto3.client("s3", config=Config(signature_version=UNSIGNED)), "AccessDenied")]:
        try:
            client.list_objects_v2(Bucket=history)
            raise AssertionError("a stranger read the bucket")
        except ClientError as error:
            assert error.response["Error"]["Code"] == code, error
    print("boto3: another secret and no signature are refused")


def check_cli(folder):
    (folder / "large").write_bytes(LARGE)
    aws("s3", "cp", "--quiet", str(folder / "large"), f"s3://{history}/{prefix}cli")
    aws("s3", "cp", "--quiet", f"s3://{history}/{prefix}cli", f"s3://{history}/{prefix}cli-copy")
    aws("s3", "cp", "--quiet", f"s3://{history}/{prefix}cli-copy", str(folder / "back"))
    assert (folder / "back").read_bytes() == LARGE and parts(f"{prefix}cli") == "2"
    print("AWS CLI: 12 MB to S3, within S3 and back")


def check_pyarrow():
    fs = pyarrow.fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"])
    at = f"{history}/{prefix}arrow"
    pyarrow.parquet.write_table(pyarrow.table({"x": list(range(100_000))}), f"{at}/t.parquet", filesystem=fs)
    assert pyarrow.parquet.read_table(f"{at}/t.parquet", filesystem=fs).num_rows == 100_000
    with fs.open_output_stream(f"{at}/large") as file:
        file.write(LARGE)
    with fs.open_input_file(f"{at}/large") as file:
        file.seek(5)
        assert file.read(10) == LARGE[5:15]
    fs.copy_file(f"{at}/large", f"{at}/copy")
    fs.move(f"{at}/copy", f"{at}/moved")
    names = [info.base_name for info in fs.get_file_info(pyarrow.fs.FileSelector(at))]
    assert sorted(names) == ["large", "moved", "t.parquet"], names
    fs.delete_dir(at)
    print("pyarrow: Parquet written and read, in parts and in ranges, copied, moved, removed")


def check_listings():
    stack = aws("cloudformation", "describe-stacks")["Stacks"][0]["StackName"]
    assert aws("cloudformation", "describe-stack-resources", "--stack-name", stack)["StackResources"]
    assert aws("lambda", "list-functions")["Functions"]
    # Version 1 of the AWS CLI has endpoints of its own for SQS.
    assert aws("sqs", "list-queues", "--endpoint-url", os.environ["AWS_ENDPOINT_URL"])["QueueUrls"]
    assert aws("secretsmanager", "list-secrets")["SecretList"]
    assert aws("events", "list-rules")["Rules"]
    assert aws("redshift", "describe-clusters")["Clusters"][0]["ClusterIdentifier"] == os.environ["MILLRACE_CLUSTER"]
    assert aws("cloudwatch", "describe-alarms")["MetricAlarms"]
    query = {"Id": "m", "MetricStat": {"Metric": {"Namespace": "Millrace", "MetricName": "RunSeconds"}, "Period": 60, "Stat": "Sum"}}
    window = ["--start-time", "2026-01-01T00:00:00Z", "--end-time", "2040-01-01T00:00:00Z"]
    data = aws("cloudwatch", "get-metric-data", *window, "--metric-data-queries", json.dumps([query]))
    assert data["MetricDataResults"][0]["StatusCode"] == "Complete", data
    for service, operation in [("iam", "list-roles"), ("sns", "list-topics"), ("ec2", "describe-vpcs"), ("logs", "describe-log-groups")]:
        said = aws(service, operation, code=255)
        assert "is not modelled by the local runtime" in said, said
    print("AWS CLI: what runs is listed, what is not modelled is refused by name")


def check_data_api():
    where = ["--cluster-identifier", os.environ["MILLRACE_CLUSTER"], "--database", os.environ["MILLRACE_DATABASE"]]
    sql = ["--sql", "select count(*) from estore.events", "--secret-arn", os.environ["MILLRACE_SECRET_ARN"]]
    statement = aws("redshift-data", "execute-statement", *where, *sql)["Id"]
    until(lambda: aws("redshift-data", "describe-statement", "--id", statement)["Status"] == "FINISHED")
    result = aws("redshift-data", "get-statement-result", "--id", statement)
    print(f"AWS CLI: {result['Records'][0][0]['longValue']} events by the Data API")


def check_history():
    """An object that is uploaded in parts, and a copy of it, are loaded as any other."""
    key = next(key for key in loaded() if key.endswith(".gz"))
    body = io.BytesIO(read(key))
    folder, name = key.rsplit("/", 1)
    again = [f"{folder}/parts-{name}", f"{folder}/copy-{name}"]
    upload = s3.create_multipart_upload(Bucket=history, Key=again[0], ChecksumAlgorithm="CRC32")["UploadId"]
    at = {"Bucket": history, "Key": again[0], "UploadId": upload}
    part = s3.upload_part(**at, PartNumber=1, Body=body, ChecksumAlgorithm="CRC32")
    whole = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]
    s3.complete_multipart_upload(**at, MultipartUpload={"Parts": whole})
    s3.copy_object(Bucket=history, Key=again[1], CopySource={"Bucket": history, "Key": key})
    until(lambda: set(loaded()) >= set(again))
    print("history: an object in parts and a copy were loaded")


def until(holds, seconds=120):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(1)


def main():
    import tempfile

    check_boto3()
    with tempfile.TemporaryDirectory() as folder:
        check_cli(pathlib.Path(folder))
    check_pyarrow()
    check_listings()
    check_data_api()
    check_history()
    boto3.resource("s3").Bucket(history).objects.filter(Prefix=prefix).delete()


main()
