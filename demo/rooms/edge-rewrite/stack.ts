import { join } from 'node:path';
import { CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import {
  EdgeOrigin, EdgeRewrite, EdgeTier, RewriteRule, RuleDialect, RuleSource, SecurityHeaders, SiteManifest, TrailingSlash,
} from '../../../src';

/** The files of the site, those of its former host among them. */
export const SITE = join(__dirname, 'site');

/** A site that moved from another host, with an experiment and an API added. */
export class EdgeRewriteDemo extends Stack {
  public readonly edge: EdgeRewrite;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const content = new s3.Bucket(this, 'Content', { enforceSSL: true, removalPolicy: RemovalPolicy.DESTROY });

    this.edge = new EdgeRewrite(this, 'Edge', {
      sources: [RuleSource.netlifyRedirects(join(SITE, '_redirects')), RuleSource.headersFile(join(SITE, '_headers'), RuleDialect.NETLIFY)],
      rules: [
        RewriteRule.proxy('/api/*', '/:splat', { origin: EdgeOrigin.byId('api') }),
        RewriteRule.split('/pricing', { experiment: 'pricing', weights: { '/pricing/a.html': 50, '/pricing/b.html': 50 } }),
      ],
      site: SiteManifest.fromDirectory(SITE),
      securityHeaders: SecurityHeaders.STRICT,
      indexDocument: 'index.html',
      trailingSlash: TrailingSlash.ADD,
      tier: EdgeTier.KEY_VALUE_STORE,
    });

    new cloudfront.Distribution(this, 'Site', {
      defaultBehavior: this.edge.behavior({ origin: origins.S3BucketOrigin.withOriginAccessControl(content, { originId: 'content' }) }),
      additionalBehaviors: { '/api-origin/*': { origin: new origins.HttpOrigin('api.example.com', { originId: 'api' }) } },
    });

    new CfnOutput(this, 'ContentBucket', { value: content.bucketName });
  }
}
