"""An S3-compatible object store on loopback, spoken to over HTTP."""

import contextlib
import uuid

from tests.support.server import free_port


@contextlib.contextmanager
def object_store():
    """Start one with an empty bucket; give the bucket's address and the environment that leads there."""
    import boto3
    from botocore.config import Config
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    bucket = f"bucket-{uuid.uuid4().hex}"
    keys = {"aws_access_key_id": "tests", "aws_secret_access_key": "tests", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=endpoint, config=Config(proxies={}), **keys)
    client.create_bucket(Bucket=bucket)
    try:
        yield f"s3://{bucket}/files", {
            "AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests",
        }  # fmt: skip
    finally:
        server.stop()
