import type { ServiceError } from '../proxy/call';

/** How each service words the failures that can strike any call. */
export interface ErrorWords {
  readonly throttle: ServiceError;
  readonly server: ServiceError;
  readonly denied: ServiceError;
  readonly notFound: ServiceError;
  readonly source: string;
}

const JSON_WORDS = {
  throttle: { status: 400, code: 'ThrottlingException', message: 'Rate exceeded' },
  server: { status: 500, code: 'InternalServerException', message: 'An internal server error occurred' },
  denied: { status: 400, code: 'AccessDeniedException', message: 'User is not authorized to perform this action' },
  notFound: { status: 400, code: 'ResourceNotFoundException', message: 'The resource does not exist' },
};
const REST_JSON_WORDS = {
  throttle: { status: 429, code: 'ThrottlingException', message: 'Rate exceeded' },
  server: { status: 500, code: 'InternalServerException', message: 'An internal server error occurred' },
  denied: { status: 403, code: 'AccessDeniedException', message: 'User is not authorized to perform this action' },
  notFound: { status: 404, code: 'ResourceNotFoundException', message: 'The resource does not exist' },
};
const QUERY_WORDS = {
  throttle: { status: 400, code: 'Throttling', message: 'Rate exceeded' },
  server: { status: 500, code: 'InternalFailure', message: 'The request processing has failed because of an unknown error' },
  denied: { status: 403, code: 'AccessDenied', message: 'User is not authorized to perform this action' },
  notFound: { status: 404, code: 'ResourceNotFoundException', message: 'The resource does not exist' },
};
const COMMON = 'https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html';

const KINESIS_WORDS = {
  ...JSON_WORDS,
  throttle: { status: 400, code: 'ProvisionedThroughputExceededException', message: 'Rate exceeded for shard' },
  server: { status: 500, code: 'InternalFailure', message: 'Internal service failure' },
};

/** By signing name; what is not here follows its protocol. */
const BY_SERVICE: Readonly<Record<string, ErrorWords>> = {
  's3': {
    throttle: { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' },
    server: { status: 500, code: 'InternalError', message: 'We encountered an internal error. Please try again.' },
    denied: { status: 403, code: 'AccessDenied', message: 'Access Denied' },
    notFound: { status: 404, code: 'NoSuchKey', message: 'The specified key does not exist.' },
    source: 'https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html',
  },
  'sqs': {
    throttle: { status: 400, code: 'RequestThrottled', message: 'The request was denied due to request throttling.' },
    server: { status: 500, code: 'InternalError', message: 'The request processing has failed because of an internal error.' },
    denied: { status: 403, code: 'AccessDenied', message: 'User is not authorized to perform this action' },
    notFound: { status: 400, code: 'QueueDoesNotExist', message: 'The specified queue does not exist.' },
    source: 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html',
  },
  'sns': {
    throttle: { status: 429, code: 'Throttled', message: 'Rate exceeded' },
    server: { status: 500, code: 'InternalError', message: 'Internal service error' },
    denied: { status: 403, code: 'AuthorizationError', message: 'User is not authorized to perform this action' },
    notFound: { status: 404, code: 'NotFound', message: 'Topic does not exist' },
    source: 'https://docs.aws.amazon.com/sns/latest/api/API_Publish.html',
  },
  'events': {
    ...JSON_WORDS,
    server: { status: 500, code: 'InternalException', message: 'This exception occurs due to unexpected causes.' },
    source: 'https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html',
  },
  'kinesis': { ...KINESIS_WORDS, source: 'https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html' },
  'firehose': {
    ...JSON_WORDS,
    throttle: { status: 503, code: 'ServiceUnavailableException', message: 'Slow down.' },
    server: { status: 500, code: 'InternalFailure', message: 'Internal service failure' },
    source: 'https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html',
  },
  'dynamodb': {
    ...JSON_WORDS,
    throttle: { status: 400, code: 'ProvisionedThroughputExceededException', message: 'The level of configured provisioned throughput for the table was exceeded.' },
    server: { status: 500, code: 'InternalServerError', message: 'Internal server error' },
    source: 'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html',
  },
  'lambda': {
    ...REST_JSON_WORDS,
    throttle: { status: 429, code: 'TooManyRequestsException', message: 'Rate Exceeded.' },
    server: { status: 500, code: 'ServiceException', message: 'The Lambda service encountered an internal error.' },
    source: 'https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html',
  },
  'cloudfront': {
    ...QUERY_WORDS,
    throttle: { status: 400, code: 'Throttling', message: 'Rate exceeded' },
    notFound: { status: 404, code: 'NoSuchDistribution', message: 'The specified distribution does not exist.' },
    source: 'https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html',
  },
  'ec2': {
    throttle: { status: 503, code: 'RequestLimitExceeded', message: 'Request limit exceeded.' },
    server: { status: 500, code: 'InternalError', message: 'An internal error has occurred' },
    denied: { status: 403, code: 'UnauthorizedOperation', message: 'You are not authorized to perform this operation.' },
    notFound: { status: 400, code: 'InvalidParameterValue', message: 'The resource does not exist' },
    source: 'https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html',
  },
  'ses': {
    ...REST_JSON_WORDS,
    throttle: { status: 429, code: 'TooManyRequestsException', message: 'Maximum sending rate exceeded.' },
    notFound: { status: 404, code: 'NotFoundException', message: 'The resource does not exist' },
    source: 'https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html',
  },
  'cognito-idp': {
    ...JSON_WORDS,
    throttle: { status: 400, code: 'TooManyRequestsException', message: 'Rate exceeded' },
    denied: { status: 400, code: 'NotAuthorizedException', message: 'User is not authorized to perform this action' },
    source: 'https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/CommonErrors.html',
  },
  'elasticmapreduce': {
    ...JSON_WORDS,
    notFound: { status: 400, code: 'InvalidRequestException', message: 'Cluster id is not valid.' },
    source: 'https://docs.aws.amazon.com/emr/latest/APIReference/CommonErrors.html',
  },
  'glue': {
    ...JSON_WORDS,
    notFound: { status: 400, code: 'EntityNotFoundException', message: 'Entity not found' },
    source: 'https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html',
  },
};

export function errorWords(service: string, protocol: string): ErrorWords {
  const found = BY_SERVICE[service];
  if (found) return found;
  if (protocol === 'rest-json') return { ...REST_JSON_WORDS, source: COMMON };
  return { ...(protocol === 'query' || protocol === 'rest-xml' ? QUERY_WORDS : JSON_WORDS), source: COMMON };
}

/** S3's replies to conditional requests and archived objects. */
export const S3_ERRORS = {
  'precondition-failed': { status: 412, code: 'PreconditionFailed', message: 'At least one of the pre-conditions you specified did not hold' },
  'conditional-conflict': {
    status: 409,
    code: 'ConditionalRequestConflict',
    message: 'The conditional request cannot succeed due to a conflicting operation against this resource.',
  },
  'archived': { status: 403, code: 'InvalidObjectState', message: 'The operation is not valid for the object\'s storage class' },
} as const satisfies Record<string, ServiceError>;
