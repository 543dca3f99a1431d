import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins';
import * as s3 from 'aws-cdk-lib/aws-s3';
import {
  EdgeCondition, EdgeOrigin, EdgeRewrite, EdgeTier, RewriteRule, RuleDialect, RuleSource, SecurityHeaders, SiteManifest, TrailingSlash,
} from 'cdk-lambda-blueprints';

const app = new App();
const stack = new Stack(app, 'Website');
const bucket = new s3.Bucket(stack, 'Content', { enforceSSL: true });

const edge = new EdgeRewrite(stack, 'Edge', {
  sources: [RuleSource.netlifyRedirects('site/_redirects'), RuleSource.headersFile('site/_headers', RuleDialect.NETLIFY)],
  rules: [
    RewriteRule.redirect('/', '/de', { status: 302, when: [EdgeCondition.country('DE', 'AT'), EdgeCondition.language('de')] }),
    RewriteRule.proxy('/api/*', '/:splat', { origin: EdgeOrigin.byId('api') }),
    RewriteRule.gone('/2019/*'),
    RewriteRule.split('/pricing', { experiment: 'pricing', weights: { '/pricing': 80, '/pricing-b': 20 } }),
  ],
  site: SiteManifest.fromDirectory('site/public'),
  securityHeaders: SecurityHeaders.STRICT,
  cleanUrls: true,
  indexDocument: 'index.html',
  trailingSlash: TrailingSlash.REMOVE,
  spaFallback: '/app.html',
  tier: EdgeTier.KEY_VALUE_STORE,
});

const distribution = new cloudfront.Distribution(stack, 'Site', {
  defaultBehavior: edge.behavior({ origin: origins.S3BucketOrigin.withOriginAccessControl(bucket) }),
  additionalBehaviors: {
    '/api-origin/*': { origin: new origins.HttpOrigin('api.example.com', { originId: 'api' }) },
  },
});

new CfnOutput(stack, 'Address', { value: distribution.domainName });
