import { LambdaClient } from '@aws-sdk/client-lambda';
import { answered, contextOf, DELIVERED, entries, failed, NEVER, refused, type Reply, Wire } from './wire';
import { LambdaSender } from '../../src/kinesis-fan-out/handlers/send-lambda';

const FUNCTION = 'arn:aws:lambda:eu-central-1:111111111111:function:partner';

function senderOn(wire: Wire): LambdaSender {
  return new LambdaSender(contextOf({ kind: 'lambda' }, FUNCTION), new LambdaClient(wire.client));
}

function send(reply: Reply) {
  return senderOn(new Wire(() => reply)).send(entries('[{"id":"x"}]'), NEVER);
}

function error(code: string, status: number): Reply {
  return { status, headers: { 'content-type': 'application/json', 'x-amzn-errortype': code }, body: '{"message":"what was sent"}' };
}

test('a synchronous invocation with the body as payload', async () => {
  const wire = new Wire(() => ({ body: '"whatever"' }));
  expect(await senderOn(wire).send(entries('[{"id":"x"}]'), NEVER)).toEqual(answered(DELIVERED));
  const [{ path, headers, body }] = wire.requests;
  expect(decodeURIComponent(path)).toContain(`/functions/${FUNCTION}/invocations`);
  expect(headers['x-amz-invocation-type']).toBe('RequestResponse');
  expect(body).toBe('[{"id":"x"}]');
});

test.each(['Unhandled', 'Handled'])('an error of the function (%s) is tried again', async (kind) => {
  expect(await send({ headers: { 'x-amz-function-error': kind }, body: '{"errorMessage":"what was sent"}' })).toEqual(answered({ kind: 'failed', code: 'FunctionError' }));
});

test('what cannot be a payload is refused', async () => {
  expect(await send(error('RequestTooLargeException', 413))).toEqual(refused('RequestTooLargeException', 'TOO_LARGE'));
  expect(await send(error('InvalidRequestContentException', 400))).toEqual(refused('InvalidRequestContentException', 'UNPARSABLE'));
});

test('a function that is gone or closed is broken, a busy one is not', async () => {
  expect(await send(error('ResourceNotFoundException', 404))).toEqual(answered(failed('ResourceNotFoundException', true)));
  expect(await send(error('AccessDeniedException', 403))).toEqual(answered(failed('AccessDeniedException', true)));
  expect(await send(error('TooManyRequestsException', 429))).toEqual(answered(failed('TooManyRequestsException')));
  expect(await send(error('ServiceException', 500))).toEqual(answered(failed('ServiceException')));
});
