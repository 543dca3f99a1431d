package com.example;

import io.github.cdklambdablueprints.EdgeCondition;
import io.github.cdklambdablueprints.EdgeOrigin;
import io.github.cdklambdablueprints.EdgeRewrite;
import io.github.cdklambdablueprints.EdgeTier;
import io.github.cdklambdablueprints.RewriteProxyOptions;
import io.github.cdklambdablueprints.RewriteRedirectOptions;
import io.github.cdklambdablueprints.RewriteRule;
import io.github.cdklambdablueprints.RewriteSplitOptions;
import io.github.cdklambdablueprints.RuleDialect;
import io.github.cdklambdablueprints.RuleSource;
import io.github.cdklambdablueprints.SecurityHeaders;
import io.github.cdklambdablueprints.SiteManifest;
import io.github.cdklambdablueprints.TrailingSlash;
import java.util.List;
import java.util.Map;
import software.amazon.awscdk.App;
import software.amazon.awscdk.CfnOutput;
import software.amazon.awscdk.Stack;
import software.amazon.awscdk.services.cloudfront.BehaviorOptions;
import software.amazon.awscdk.services.cloudfront.Distribution;
import software.amazon.awscdk.services.cloudfront.origins.HttpOrigin;
import software.amazon.awscdk.services.cloudfront.origins.S3BucketOrigin;
import software.amazon.awscdk.services.s3.Bucket;

public final class SiteApp {
    public static void main(final String[] args) {
        App app = new App();
        Stack stack = new Stack(app, "Website");
        Bucket bucket = Bucket.Builder.create(stack, "Content").enforceSsl(true).build();

        EdgeRewrite edge = EdgeRewrite.Builder.create(stack, "Edge")
            .sources(List.of(
                RuleSource.netlifyRedirects("site/_redirects"),
                RuleSource.headersFile("site/_headers", RuleDialect.NETLIFY)))
            .rules(List.of(
                RewriteRule.redirect("/", "/de", RewriteRedirectOptions.builder()
                    .status(302)
                    .when(List.of(EdgeCondition.country("DE", "AT"), EdgeCondition.language("de")))
                    .build()),
                RewriteRule.proxy("/api/*", "/:splat", RewriteProxyOptions.builder()
                    .origin(EdgeOrigin.byId("api"))
                    .build()),
                RewriteRule.gone("/2019/*"),
                RewriteRule.split("/pricing", RewriteSplitOptions.builder()
                    .experiment("pricing")
                    .weights(Map.of("/pricing", 80, "/pricing-b", 20))
                    .build())))
            .site(SiteManifest.fromDirectory("site/public"))
            .securityHeaders(SecurityHeaders.STRICT)
            .cleanUrls(true)
            .indexDocument("index.html")
            .trailingSlash(TrailingSlash.REMOVE)
            .spaFallback("/app.html")
            .tier(EdgeTier.KEY_VALUE_STORE)
            .build();

        Distribution distribution = Distribution.Builder.create(stack, "Site")
            .defaultBehavior(edge.behavior(BehaviorOptions.builder()
                .origin(S3BucketOrigin.withOriginAccessControl(bucket))
                .build()))
            .additionalBehaviors(Map.of("/api-origin/*", BehaviorOptions.builder()
                .origin(HttpOrigin.Builder.create("api.example.com").originId("api").build())
                .build()))
            .build();

        CfnOutput.Builder.create(stack, "Address").value(distribution.getDomainName()).build();

        app.synth();
    }
}
