package com.example;

import io.github.cdklambdablueprints.FanOutAggregation;
import io.github.cdklambdablueprints.FanOutDeliveryOptions;
import io.github.cdklambdablueprints.FanOutDestination;
import io.github.cdklambdablueprints.FanOutFilter;
import io.github.cdklambdablueprints.FanOutPacking;
import io.github.cdklambdablueprints.FanOutS3Options;
import io.github.cdklambdablueprints.FanOutTransform;
import io.github.cdklambdablueprints.KinesisFanOut;
import java.util.Map;
import software.amazon.awscdk.App;
import software.amazon.awscdk.CfnOutput;
import software.amazon.awscdk.Stack;
import software.amazon.awscdk.services.dynamodb.Attribute;
import software.amazon.awscdk.services.dynamodb.AttributeType;
import software.amazon.awscdk.services.dynamodb.BillingMode;
import software.amazon.awscdk.services.dynamodb.Table;
import software.amazon.awscdk.services.kinesis.Stream;
import software.amazon.awscdk.services.kinesis.StreamMode;
import software.amazon.awscdk.services.s3.Bucket;
import software.amazon.awscdk.services.sqs.Queue;

public final class ShopApp {
    public static void main(final String[] args) {
        App app = new App();
        Stack stack = new Stack(app, "Shop");

        Bucket lake = new Bucket(stack, "Lake");
        Table state = Table.Builder.create(stack, "State")
            .partitionKey(Attribute.builder().name("id").type(AttributeType.STRING).build())
            .billingMode(BillingMode.PAY_PER_REQUEST)
            .build();
        Stream mirror = Stream.Builder.create(stack, "Mirror").streamMode(StreamMode.ON_DEMAND).build();
        Queue payments = Queue.Builder.create(stack, "Payments").fifo(true).build();

        KinesisFanOut orders = KinesisFanOut.Builder.create(stack, "Orders")
            .aggregation(FanOutAggregation.UNKNOWN)
            .destinations(Map.of(
                "State", FanOutDestination.dynamoDb(state),
                "Mirror", FanOutDestination.kinesis(mirror)))
            .build();
        FanOutTransform mask = FanOutTransform.mask("$.card", "$.email");
        orders.addDestination(
            "Lake",
            FanOutDestination.s3(lake, FanOutS3Options.builder().prefix("orders/").packing(FanOutPacking.ndjson()).build()),
            FanOutDeliveryOptions.builder().transform(mask).build());
        orders.addDestination(
            "Payments",
            FanOutDestination.sqs(payments),
            FanOutDeliveryOptions.builder().filter(FanOutFilter.equalTo("$.type", "order-paid")).build());

        CfnOutput.Builder.create(stack, "OrderStream").value(orders.getStream().getStreamName()).build();
        CfnOutput.Builder.create(stack, "FailureBucket").value(orders.getFailureBucket().getBucketName()).build();
        CfnOutput.Builder.create(stack, "ReplayFunction").value(orders.getReplayFunction().getFunctionName()).build();
        CfnOutput.Builder.create(stack, "LakeBucket").value(lake.getBucketName()).build();
        CfnOutput.Builder.create(stack, "StateTable").value(state.getTableName()).build();
        CfnOutput.Builder.create(stack, "MirrorStream").value(mirror.getStreamName()).build();
        CfnOutput.Builder.create(stack, "PaymentQueue").value(payments.getQueueUrl()).build();

        app.synth();
    }
}
