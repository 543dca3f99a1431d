from aws_cdk import App, CfnOutput, Duration, Environment, Stack, TimeZone, aws_iam as iam
from cdk_lambda_blueprints import (
    DrTemplate,
    EbsConsistency,
    EbsDrill,
    EbsDrSite,
    EbsRestore,
    EbsRetention,
    EbsSchedule,
    EbsSelection,
    EbsSnapshotDr,
    RestoreParam,
)

app = App()
shop = Stack(app, "Shop", env=Environment(region="eu-west-1"))
recovery = Stack(app, "ShopRecovery", env=Environment(region="eu-central-1"))

execution_role = iam.Role(
    recovery,
    "RestoreRole",
    assumed_by=iam.ServicePrincipal("cloudformation.amazonaws.com"),
)
execution_role.add_to_policy(
    iam.PolicyStatement(
        actions=[
            "ec2:CreateTags",
            "ec2:CreateVolume",
            "ec2:DeleteVolume",
            "ec2:DescribeSnapshots",
            "ec2:DescribeVolumes",
        ],
        resources=["*"],
    )
)

site = EbsDrSite(
    recovery,
    "Site",
    restore=EbsRestore.cloud_formation(
        template=DrTemplate.from_asset("app.template.json"),
        parameters={
            "DataSnapshotId": RestoreParam.snapshot("/dev/sdf", instance_name="shop"),
            "Zone": RestoreParam.availability_zone("eu-central-1a", "eu-central-1b"),
        },
        execution_role=execution_role,
    ),
    drill=EbsDrill.scheduled(EbsSchedule.rate(Duration.days(7))),
)
site.encryption_key.grant(
    execution_role,
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKeyWithoutPlaintext",
)

plan = EbsSnapshotDr(
    shop,
    "Dr",
    selection=EbsSelection.tag("dr", "gold"),
    schedule=EbsSchedule.cron(minute="0", time_zone=TimeZone.EUROPE_BERLIN),
    rpo=Duration.hours(3),
    consistency=EbsConsistency.freeze(paths=["/data"]),
    retention=EbsRetention.gfs(last=3, hourly=24, daily=7, weekly=5, monthly=12),
    copy_to=[site],
)

CfnOutput(shop, "PlanName", value=plan.plan_name)
CfnOutput(recovery, "RestoreFunction", value=site.restore_function.function_name)
CfnOutput(recovery, "RecoveryBucket", value=site.bucket.bucket_name)
CfnOutput(recovery, "SigningKey", value=site.signing_key.key_arn)

app.synth()
