package com.example;

import io.github.cdklambdablueprints.CropPosition;
import io.github.cdklambdablueprints.ImageCropOptions;
import io.github.cdklambdablueprints.ImageDestination;
import io.github.cdklambdablueprints.ImageDestinationOptions;
import io.github.cdklambdablueprints.ImageFormat;
import io.github.cdklambdablueprints.ImageJpegOptions;
import io.github.cdklambdablueprints.ImagePreset;
import io.github.cdklambdablueprints.ImageResizePipeline;
import io.github.cdklambdablueprints.ImageSource;
import io.github.cdklambdablueprints.ImageSourceOptions;
import java.util.List;
import software.amazon.awscdk.App;
import software.amazon.awscdk.CfnOutput;
import software.amazon.awscdk.Stack;
import software.amazon.awscdk.services.sns.Topic;

public final class NewsroomApp {
    public static void main(final String[] args) {
        App app = new App();
        Stack stack = new Stack(app, "Newsroom");

        ImageResizePipeline images = ImageResizePipeline.Builder.create(stack, "Images")
            .source(ImageSource.newBucket(ImageSourceOptions.builder()
                .prefix("originals/")
                .suffixes(List.of(".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".tiff"))
                .build()))
            .destination(ImageDestination.newBucket(ImageDestinationOptions.builder().prefix("img/").build()))
            .presets(List.of(
                ImagePreset.width("mobile", 480),
                ImagePreset.width("tablet", 1024),
                ImagePreset.width("desktop", 1920),
                ImagePreset.cover("card", 600, 400, ImageCropOptions.builder().position(CropPosition.ATTENTION).build())))
            .formats(List.of(
                ImageFormat.webp(),
                ImageFormat.jpeg(ImageJpegOptions.builder().quality(80).build())))
            .failureTopic(new Topic(stack, "PictureDesk"))
            .build();

        CfnOutput.Builder.create(stack, "SourceBucket").value(images.getSourceBucket().getBucketName()).build();
        CfnOutput.Builder.create(stack, "DestinationBucket").value(images.getDestinationBucket().getBucketName()).build();

        app.synth();
    }
}
