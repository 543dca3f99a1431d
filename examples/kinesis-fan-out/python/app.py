from aws_cdk import (
    App,
    CfnOutput,
    Stack,
    aws_dynamodb as dynamodb,
    aws_kinesis as kinesis,
    aws_s3 as s3,
    aws_sqs as sqs,
)
from cdk_lambda_blueprints import (
    FanOutAggregation,
    FanOutDestination,
    FanOutFilter,
    FanOutPacking,
    FanOutTransform,
    KinesisFanOut,
)

app = App()
stack = Stack(app, "Shop")

lake = s3.Bucket(stack, "Lake")
state = dynamodb.Table(
    stack,
    "State",
    partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
    billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
)
mirror = kinesis.Stream(stack, "Mirror", stream_mode=kinesis.StreamMode.ON_DEMAND)
payments = sqs.Queue(stack, "Payments", fifo=True)

orders = KinesisFanOut(
    stack,
    "Orders",
    aggregation=FanOutAggregation.UNKNOWN,
    destinations={
        "State": FanOutDestination.dynamo_db(state),
        "Mirror": FanOutDestination.kinesis(mirror),
    },
)
mask = FanOutTransform.mask("$.card", "$.email")
orders.add_destination(
    "Lake",
    FanOutDestination.s3(lake, prefix="orders/", packing=FanOutPacking.ndjson()),
    transform=mask,
)
orders.add_destination(
    "Payments",
    FanOutDestination.sqs(payments),
    filter=FanOutFilter.equal_to("$.type", "order-paid"),
)

CfnOutput(stack, "OrderStream", value=orders.stream.stream_name)
CfnOutput(stack, "FailureBucket", value=orders.failure_bucket.bucket_name)
CfnOutput(stack, "ReplayFunction", value=orders.replay_function.function_name)
CfnOutput(stack, "LakeBucket", value=lake.bucket_name)
CfnOutput(stack, "StateTable", value=state.table_name)
CfnOutput(stack, "MirrorStream", value=mirror.stream_name)
CfnOutput(stack, "PaymentQueue", value=payments.queue_url)

app.synth()
