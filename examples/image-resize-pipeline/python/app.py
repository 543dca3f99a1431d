from aws_cdk import App, CfnOutput, Stack, aws_sns as sns
from cdk_lambda_blueprints import (
    CropPosition,
    ImageDestination,
    ImageFormat,
    ImagePreset,
    ImageResizePipeline,
    ImageSource,
)

app = App()
stack = Stack(app, "Newsroom")

images = ImageResizePipeline(
    stack,
    "Images",
    source=ImageSource.new_bucket(
        prefix="originals/",
        suffixes=[".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".tiff"],
    ),
    destination=ImageDestination.new_bucket(prefix="img/"),
    presets=[
        ImagePreset.width("mobile", 480),
        ImagePreset.width("tablet", 1024),
        ImagePreset.width("desktop", 1920),
        ImagePreset.cover("card", 600, 400, position=CropPosition.ATTENTION),
    ],
    formats=[ImageFormat.webp(), ImageFormat.jpeg(quality=80)],
    failure_topic=sns.Topic(stack, "PictureDesk"),
)

CfnOutput(stack, "SourceBucket", value=images.source_bucket.bucket_name)
CfnOutput(stack, "DestinationBucket", value=images.destination_bucket.bucket_name)

app.synth()
