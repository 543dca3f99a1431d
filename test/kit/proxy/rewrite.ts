import type { Reply } from './call';
import type { IdentifiedCall } from './identify';

/**
 * Addresses that clients follow must lead back to the proxy: the SQS client takes the QueueUrl's host for its endpoint,
 * and the emulators name themselves or AWS there. Only replies of control planes are touched, never anyone's data.
 */
const DATA: Readonly<Record<string, readonly string[]>> = {
  sqs: ['ReceiveMessage'],
  lambda: ['Invoke', 'InvokeAsync', 'InvokeWithResponseStream'],
  cloudformation: [],
};
const AWS_QUEUE_HOST = /https?:\/\/(?:sqs\.[\w-]+|[\w-]+\.queue|queue)\.amazonaws\.com(?:\.cn)?(?::\d+)?/g;

export function rewriteAddresses(call: IdentifiedCall, reply: Reply, upstream: string, endpoint: string): Reply {
  const data = DATA[call.service];
  if (!data || data.includes(call.operation) || reply.body.length === 0) return reply;
  const text = reply.body.toString('utf8');
  const port = new URL(upstream).port;
  const rewritten = text.replace(AWS_QUEUE_HOST, endpoint).replaceAll(new RegExp(`https?://(?:127\\.0\\.0\\.1|localhost):${port}(?!\\d)`, 'g'), endpoint);
  return rewritten === text ? reply : { ...reply, body: Buffer.from(rewritten) };
}
