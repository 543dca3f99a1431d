"""moto's server as the kit runs it: loopback only, functions executed by the kit's Lambda host."""
import json
import os
import sys

from launching import announce, die_with_parent, listen, run_on_host

die_with_parent()
SOCKET = listen()
os.environ.update({
    "MOTO_PORT": str(SOCKET.getsockname()[1]),
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
})

from moto.awslambda.models import LambdaFunction, lambda_backends  # noqa: E402
from moto.cloudformation.models import ChangeSet  # noqa: E402
from moto.events.models import Rule  # noqa: E402
from moto.kinesis.models import KinesisBackend, Record, Shard  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app  # noqa: E402
from moto.sns import models as sns_models  # noqa: E402
from moto.utilities.arns import parse_arn  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402


def invoke(fn: LambdaFunction, event=None) -> tuple:
    """Seam 1: (result, errored, logs) of a function."""
    config = fn.get_configuration()
    config["Environment"] = {"Variables": fn.environment_vars}
    outcome = run_on_host(config, fn.code_bytes, json.loads(event) if isinstance(event, str) else event)
    error = outcome.get("error")
    return json.dumps(error or outcome.get("payload")), bool(error), outcome["logs"]


def send_to_targets(rule: Rule, original_event: dict, transform_input: bool = True) -> None:
    """Seam 2: functions as targets, which moto has no way to; it handles the others itself."""
    targets = rule.targets
    functions = [target for target in targets if parse_arn(target["Arn"]).service == "lambda"]
    rule.targets = [target for target in targets if target not in functions]
    try:
        moto_send_to_targets(rule, original_event, transform_input)
    finally:
        rule.targets = targets
    if rule.event_pattern.matches_event(original_event):
        for target in functions:
            arn = parse_arn(target["Arn"])
            function = lambda_backends[arn.account][arn.region].get_function(target["Arn"])
            function.invoke(json.dumps(original_event), {}, {})


def apply(change_set: ChangeSet) -> None:
    """Seam 3: a stack made by a change set, as the CDK CLI does, had the outputs of the empty template."""
    moto_apply(change_set)
    change_set.stack.template_dict = change_set.template_dict
    change_set.stack.output_map = change_set.stack._create_output_map()


def put_records(self: KinesisBackend, stream_arn: str, stream_name: str, records: list) -> dict:
    """Seam 4: the limits are the proxy's; moto knows those of former years."""
    stream = self.describe_stream(stream_arn=stream_arn, stream_name=stream_name)
    put = [stream.put_record(record["PartitionKey"], record.get("ExplicitHashKey"), record["Data"]) for record in records]
    return {"FailedRecordCount": 0, "Records": [{"SequenceNumber": number, "ShardId": shard} for number, shard in put]}


def put_record(self: Shard, partition_key: str, data: str, explicit_hash_key: str) -> str:
    """Seam 5: sequence numbers have 56 digits and grow from shard to shard; moto counts from 1."""
    number = 1 + max(self.get_max_sequence_number(), 49 * 10**54 + self._shard_id * 10**40)
    self.records[number] = Record(partition_key, data, number, explicit_hash_key)
    return str(number)


moto_send_to_targets = Rule.send_to_targets
moto_apply = ChangeSet.apply


def main() -> None:
    ChangeSet.apply = apply
    KinesisBackend.put_records = put_records
    Shard.put_record = put_record
    sns_models.MAXIMUM_MESSAGE_LENGTH = 1_048_576  # what a topic can be raised to; the proxy knows which are
    if "KIT_LAMBDA_HOST" in os.environ:
        LambdaFunction._invoke_lambda = invoke
        Rule.send_to_targets = send_to_targets
    server = make_server(
        "127.0.0.1", SOCKET.getsockname()[1], DomainDispatcherApplication(create_backend_app),
        threaded=True, request_handler=MotoRequestHandler, fd=SOCKET.fileno())
    announce(SOCKET)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
