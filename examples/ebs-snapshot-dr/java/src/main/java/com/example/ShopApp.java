package com.example;

import io.github.cdklambdablueprints.DrTemplate;
import io.github.cdklambdablueprints.EbsCloudFormationRestoreProps;
import io.github.cdklambdablueprints.EbsConsistency;
import io.github.cdklambdablueprints.EbsDrSite;
import io.github.cdklambdablueprints.EbsDrill;
import io.github.cdklambdablueprints.EbsFreezeOptions;
import io.github.cdklambdablueprints.EbsGfsRetention;
import io.github.cdklambdablueprints.EbsRestore;
import io.github.cdklambdablueprints.EbsRetention;
import io.github.cdklambdablueprints.EbsSchedule;
import io.github.cdklambdablueprints.EbsSelection;
import io.github.cdklambdablueprints.EbsSnapshotDr;
import io.github.cdklambdablueprints.RestoreInstanceOptions;
import io.github.cdklambdablueprints.RestoreParam;
import java.util.List;
import java.util.Map;
import software.amazon.awscdk.App;
import software.amazon.awscdk.CfnOutput;
import software.amazon.awscdk.Duration;
import software.amazon.awscdk.Environment;
import software.amazon.awscdk.Stack;
import software.amazon.awscdk.StackProps;
import software.amazon.awscdk.TimeZone;
import software.amazon.awscdk.services.iam.PolicyStatement;
import software.amazon.awscdk.services.iam.Role;
import software.amazon.awscdk.services.iam.ServicePrincipal;
import software.amazon.awscdk.services.scheduler.CronOptionsWithTimezone;

public final class ShopApp {
    public static void main(final String[] args) {
        App app = new App();
        Stack shop = new Stack(app, "Shop", in("eu-west-1"));
        Stack recovery = new Stack(app, "ShopRecovery", in("eu-central-1"));

        Role executionRole = Role.Builder.create(recovery, "RestoreRole")
            .assumedBy(new ServicePrincipal("cloudformation.amazonaws.com"))
            .build();
        executionRole.addToPolicy(PolicyStatement.Builder.create()
            .actions(List.of(
                "ec2:CreateTags", "ec2:CreateVolume", "ec2:DeleteVolume", "ec2:DescribeSnapshots", "ec2:DescribeVolumes"))
            .resources(List.of("*"))
            .build());

        EbsDrSite site = EbsDrSite.Builder.create(recovery, "Site")
            .restore(EbsRestore.cloudFormation(EbsCloudFormationRestoreProps.builder()
                .template(DrTemplate.fromAsset("app.template.json"))
                .parameters(Map.of(
                    "DataSnapshotId",
                    RestoreParam.snapshot("/dev/sdf", RestoreInstanceOptions.builder().instanceName("shop").build()),
                    "Zone", RestoreParam.availabilityZone("eu-central-1a", "eu-central-1b")))
                .executionRole(executionRole)
                .build()))
            .drill(EbsDrill.scheduled(EbsSchedule.rate(Duration.days(7))))
            .build();
        site.getEncryptionKey().grant(
            executionRole, "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext");

        EbsSnapshotDr plan = EbsSnapshotDr.Builder.create(shop, "Dr")
            .selection(EbsSelection.tag("dr", "gold"))
            .schedule(EbsSchedule.cron(CronOptionsWithTimezone.builder().minute("0").timeZone(TimeZone.EUROPE_BERLIN).build()))
            .rpo(Duration.hours(3))
            .consistency(EbsConsistency.freeze(EbsFreezeOptions.builder().paths(List.of("/data")).build()))
            .retention(EbsRetention.gfs(EbsGfsRetention.builder().last(3).hourly(24).daily(7).weekly(5).monthly(12).build()))
            .copyTo(List.of(site))
            .build();

        CfnOutput.Builder.create(shop, "PlanName").value(plan.getPlanName()).build();
        CfnOutput.Builder.create(recovery, "RestoreFunction").value(site.getRestoreFunction().getFunctionName()).build();
        CfnOutput.Builder.create(recovery, "RecoveryBucket").value(site.getBucket().getBucketName()).build();
        CfnOutput.Builder.create(recovery, "SigningKey").value(site.getSigningKey().getKeyArn()).build();

        app.synth();
    }

    private static StackProps in(final String region) {
        return StackProps.builder().env(Environment.builder().region(region).build()).build();
    }
}
