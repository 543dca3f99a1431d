import {
  CopyObjectCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client,
} from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import sharp from 'sharp';
import type { StrictS3 } from './strict-s3';
import type { PipelineEnv, Recipe } from '../../src/image-resize-pipeline/contract';

export const RECIPE: Recipe = {
  presets: [{ name: 's', fit: 'width', width: 20 }, { name: 'l', fit: 'width', width: 40 }, { name: 'xl', fit: 'width', width: 4000 }],
  formats: [{ format: 'webp', extension: 'webp' }],
  tolerance: 'error',
  maxPixels: 1e6,
  maxFrames: 60,
  maxBytes: 1e6,
  keepIcc: false,
  keepCopyright: false,
  allowSvg: false,
  suffixes: [],
  cacheControl: 'max-age=60',
};

export const ENV: PipelineEnv = {
  PIPELINE_NAME: 'Test',
  SOURCE_BUCKET: 'source',
  SOURCE_PREFIX: 'in/',
  DESTINATION_BUCKET: 'destination',
  DESTINATION_PREFIX: 'img/',
  RECIPE: JSON.stringify(RECIPE),
  PROPAGATE_DELETES: 'true',
  SUCCESS_TOPIC_ARN: 'arn:aws:sns:eu-west-1:123456789012:good',
  FAILURE_TOPIC_ARN: 'arn:aws:sns:eu-west-1:123456789012:bad',
  EVENT_BUS_NAME: 'bus',
  DISTRIBUTION_ID: 'E1',
  QUARANTINE_PREFIX: '',
};

/** The process a shell of the image room starts in. */
export function shellEnvironment(env: Partial<PipelineEnv> = {}): void {
  Object.assign(process.env, ENV, env, {
    AWS_REGION: 'eu-west-1',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769',
    AWS_ACCESS_KEY_ID: 'x',
    AWS_SECRET_ACCESS_KEY: 'x',
    // Powertools then prints through the console that tests can replace.
    POWERTOOLS_DEV: 'true',
    POWERTOOLS_METRICS_DISABLED: 'false',
  });
}

/** Every S3 client answers from this S3; calling it again drops what a test changed. */
export function mockS3(s3: StrictS3, mock = mockClient(S3Client)) {
  mock.reset();
  for (const command of [
    CopyObjectCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand,
  ]) {
    mock.on(command as typeof PutObjectCommand).callsFake((input) => s3.execute(new (command as typeof PutObjectCommand)(input)));
  }
  return mock;
}

export function context(remaining = 60_000): Context {
  return { awsRequestId: 'request', getRemainingTimeInMillis: () => remaining } as Context;
}

export function picture(width = 60, height = 40): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: '#c04020' } }).jpeg().toBuffer();
}

/** Keeps what Powertools prints: logs are silent, metrics can be read. */
export function capturedMetrics(): () => Record<string, unknown> {
  jest.spyOn(console, 'warn').mockImplementation();
  jest.spyOn(console, 'error').mockImplementation();
  const log = jest.spyOn(console, 'log').mockImplementation();
  return () => Object.assign({}, ...log.mock.calls.map(([line]) => JSON.parse(String(line)) as object)) as Record<string, unknown>;
}
