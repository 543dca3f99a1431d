"""MiniStack as the kit runs it: loopback only, Node functions executed by the kit's Lambda host."""
import asyncio
import json
import logging
import os
import sys

from launching import announce, die_with_parent, listen, run_on_host

die_with_parent()
SOCKET = listen()
os.environ.update({
    "GATEWAY_PORT": str(SOCKET.getsockname()[1]),
    "BIND_HOST": "127.0.0.1",
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "SFN_WAIT_SCALE": "0",
    "S3_DATA_DIR": os.path.join(os.environ["TMPDIR"], "s3"),
    "STATE_DIR": os.path.join(os.environ["TMPDIR"], "state"),
})

from hypercorn.asyncio import serve  # noqa: E402
from hypercorn.config import Config  # noqa: E402
from ministack.app import app  # noqa: E402
from ministack.services import cloudfront_keyvaluestore, lambda_svc, s3  # noqa: E402
from ministack.services.cloudformation import provisioners  # noqa: E402

# Types MiniStack lacks: accepted and recorded, their behaviour is proven elsewhere. Values: attributes for GetAtt.
RECORD_ONLY = {
    "AWS::CloudFront::CachePolicy": ["Id"],
    "AWS::CloudFront::Function": ["FunctionARN", "FunctionMetadata.FunctionARN"],
    "AWS::CloudFront::OriginAccessControl": ["Id"],
    "AWS::CloudFront::OriginRequestPolicy": ["Id"],
    "AWS::CloudFront::ResponseHeadersPolicy": ["Id"],
    "AWS::Rbin::Rule": ["Arn", "Identifier"],
    "AWS::SSM::Document": [],
}


def record_only(attributes: list) -> dict:
    def create(logical_id, _props, stack_name):
        name = f"{stack_name}-{logical_id}"
        return name, {attribute: name for attribute in attributes}

    return {"create": create, "delete": lambda physical_id, props: None}


def consumer(logical_id, props, stack_name):
    """A reader of its own: recorded, enhanced fan-out is proven elsewhere."""
    arn = f"{props['StreamARN']}/consumer/{props['ConsumerName']}:1"
    return arn, {"ConsumerARN": arn, "ConsumerName": props["ConsumerName"], "StreamARN": props["StreamARN"]}


def recording_expressions(create):
    """MiniStack knows alarms on one metric only; those on expressions are recorded."""
    record = record_only(["Arn"])["create"]
    return lambda logical_id, props, stack_name: (record if "Metrics" in props else create)(logical_id, props, stack_name)


def importing(create):
    """MiniStack creates key value stores empty; CloudFormation fills them from S3."""
    def create_and_import(logical_id, props, stack_name):
        name, attributes = create(logical_id, props, stack_name)
        if "ImportSource" in props:
            bucket, key = props["ImportSource"]["SourceArn"].split(":::")[1].split("/", 1)
            data = json.loads(s3._get_object_data(bucket, key))["data"]
            cloudfront_keyvaluestore._stores[attributes["Arn"]] = {
                "etag": attributes["Id"], "items": {entry["key"]: entry["value"] for entry in data}}
        return name, attributes

    return create_and_import


def execute(func, event, _url, request_id):
    """Seam 2: what MiniStack's proxy mode would post to a container."""
    config = func.get("config") or func
    outcome = run_on_host(config, func["code_zip"], event, request_id)
    if outcome.get("error"):
        return {"body": outcome["error"], "error": True, "log": outcome["logs"]}
    return {"body": outcome.get("payload"), "log": outcome["logs"]}


def patch() -> None:
    for resource_type, attributes in RECORD_ONLY.items():
        provisioners._RESOURCE_HANDLERS.setdefault(resource_type, record_only(attributes))
    stores = provisioners._RESOURCE_HANDLERS["AWS::CloudFront::KeyValueStore"]
    stores["create"] = importing(stores["create"])
    provisioners._RESOURCE_HANDLERS.setdefault(
        "AWS::Kinesis::StreamConsumer", {"create": consumer, "delete": lambda physical_id, props: None})
    alarms = provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"]
    alarms["create"] = recording_expressions(alarms["create"])
    host = os.environ.get("KIT_LAMBDA_HOST")
    if host:
        # Seam 1: which functions leave the house.
        lambda_svc._proxy_url_for = lambda config: host if config.get("Runtime", "").startswith("nodejs") else None
        lambda_svc._execute_function_proxy = execute


def main() -> None:
    patch()
    config = Config()
    config.bind = [f"fd://{SOCKET.fileno()}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    logging.getLogger("hypercorn.error").setLevel(logging.WARNING)
    announce(SOCKET)
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    sys.exit(main())
