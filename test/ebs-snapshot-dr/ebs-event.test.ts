import fc from 'fast-check';
import { parseEbsEvent } from '../../src/ebs-snapshot-dr/handlers/ebs-event';

const event = (detail: object, type = 'EBS Snapshot Notification') => ({ 'version': '0', 'source': 'aws.ec2', 'detail-type': type, 'account': '111122223333', 'region': 'us-west-2', detail });
const copy = (snapshot: string, source: string, result = 'succeeded') => event({ event: 'copySnapshot', result, cause: '', snapshot_id: snapshot, source });

/** Forms as the EC2 user guide shows them (ebs-cloud-watch-events), and ARNs as they should be. */
test.each<[string, unknown, ReturnType<typeof parseEbsEvent>]>([
  ['the documented ARN', copy('arn:aws:ec2::us-west-2:snapshot/snap-01', 'arn:aws:ec2::eu-west-1:snapshot/snap-02'),
    { kind: 'copy', region: 'us-west-2', snapshot: 'snap-01', source: 'snap-02', result: 'succeeded' }],
  ['the normal ARN', copy('arn:aws-us-gov:ec2:us-gov-west-1::snapshot/snap-01', 'arn:aws:ec2:eu-west-1:111122223333:snapshot/snap-02', 'failed'),
    { kind: 'copy', region: 'us-gov-west-1', snapshot: 'snap-01', source: 'snap-02', result: 'failed' }],
  ['a volume as source', event({ event: 'createSnapshot', result: 'succeeded', snapshot_id: 'arn:aws:ec2::us-west-2:snapshot/snap-01', source: 'arn:aws:ec2::us-west-2:volume/vol-01' }),
    { kind: 'create', region: 'us-west-2', snapshot: 'snap-01', source: 'vol-01', result: 'succeeded' }],
  ['sets', event({ event: 'createSnapshots', result: 'succeeded', snapshots: [{ snapshot_id: 'arn:aws:ec2::us-east-1:snapshot/snap-01', source: 'x', status: 'completed' }] }, 'EBS Multi-Volume Snapshots Completion Status'),
    { kind: 'create-set', region: 'us-west-2', result: 'succeeded' }],
  ['an account number as source', event({ event: 'shareSnapshot', result: 'succeeded', snapshot_id: 'arn:aws:ec2::us-west-2:snapshot/snap-01', source: 12345678901 }),
    { kind: 'share', region: 'us-west-2', snapshot: 'snap-01', result: 'succeeded' }],
  ['archiving', event({ event: 'archiveSnapshot', result: 'succeeded', snapshot_id: 'arn:aws:ec2::us-west-2:snapshot/snap-01' }),
    { kind: 'archive', region: 'us-west-2', snapshot: 'snap-01', result: 'succeeded' }],
  ['fast snapshot restore', event({ 'snapshot-id': 'snap-01', 'state': 'enabled' }, 'EBS Fast Snapshot Restore State-change Notification'),
    { kind: 'fast-restore', region: 'us-west-2' }],
  ['an id without an ARN', copy('snap-01', 'snap-02', 'unknown'), { kind: 'copy', region: 'us-west-2', snapshot: 'snap-01', source: 'snap-02' }],
  ['something new', event({ event: 'teleportSnapshot' }), { kind: 'other', region: 'us-west-2' }],
  ['another service', { ...copy('snap-01', 'snap-02'), source: 'custom' }, undefined],
  ['another type', event({}, 'EC2 Instance State-change Notification'), undefined],
  ['no detail', { ...event({}), detail: null }, undefined],
  ['nothing', undefined, undefined],
])('%s', (_, given, expected) => {
  expect(parseEbsEvent(given)).toEqual(expected);
});

test('never throws, and names nothing that looks otherwise than an id', () => {
  const arn = fc.tuple(fc.string(), fc.string(), fc.string()).map(([a, b, c]) => `arn:aws:ec2:${a}:${b}:snapshot/snap-${c}`);
  const value = fc.oneof(fc.anything(), arn, fc.constantFrom('copySnapshot', 'arn:aws:ec2:::snapshot/snap-01', 'succeeded'));
  const detail = fc.dictionary(fc.constantFrom('event', 'result', 'snapshot_id', 'source', 'snapshots', 'cause'), value);
  const whole = fc.record({ 'source': fc.constant('aws.ec2'), 'detail-type': fc.constantFrom('EBS Snapshot Notification', 'EBS Multi-Volume Snapshots Completion Status'), 'region': value, 'detail': fc.oneof(detail, fc.anything()) });
  fc.assert(fc.property(fc.oneof(fc.anything(), whole), (given) => {
    const parsed = parseEbsEvent(given);
    if (parsed?.snapshot !== undefined) expect(parsed.snapshot).toMatch(/^snap-[0-9a-f]+$|^vol-[0-9a-f]+$/);
  }), { numRuns: 5000 });
});
