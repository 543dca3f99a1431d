from aws_cdk import (
    App,
    CfnOutput,
    Stack,
    aws_cloudfront as cloudfront,
    aws_cloudfront_origins as origins,
    aws_s3 as s3,
)
from cdk_lambda_blueprints import (
    EdgeCondition,
    EdgeOrigin,
    EdgeRewrite,
    EdgeTier,
    RewriteRule,
    RuleDialect,
    RuleSource,
    SecurityHeaders,
    SiteManifest,
    TrailingSlash,
)

app = App()
stack = Stack(app, "Website")
bucket = s3.Bucket(stack, "Content", enforce_ssl=True)

edge = EdgeRewrite(
    stack,
    "Edge",
    sources=[
        RuleSource.netlify_redirects("site/_redirects"),
        RuleSource.headers_file("site/_headers", RuleDialect.NETLIFY),
    ],
    rules=[
        RewriteRule.redirect(
            "/",
            "/de",
            status=302,
            when=[EdgeCondition.country("DE", "AT"), EdgeCondition.language("de")],
        ),
        RewriteRule.proxy("/api/*", "/:splat", origin=EdgeOrigin.by_id("api")),
        RewriteRule.gone("/2019/*"),
        RewriteRule.split(
            "/pricing",
            experiment="pricing",
            weights={"/pricing": 80, "/pricing-b": 20},
        ),
    ],
    site=SiteManifest.from_directory("site/public"),
    security_headers=SecurityHeaders.STRICT,
    clean_urls=True,
    index_document="index.html",
    trailing_slash=TrailingSlash.REMOVE,
    spa_fallback="/app.html",
    tier=EdgeTier.KEY_VALUE_STORE,
)

distribution = cloudfront.Distribution(
    stack,
    "Site",
    default_behavior=edge.behavior(
        origin=origins.S3BucketOrigin.with_origin_access_control(bucket)
    ),
    additional_behaviors={
        "/api-origin/*": cloudfront.BehaviorOptions(
            origin=origins.HttpOrigin("api.example.com", origin_id="api")
        ),
    },
)

CfnOutput(stack, "Address", value=distribution.domain_name)

app.synth()
