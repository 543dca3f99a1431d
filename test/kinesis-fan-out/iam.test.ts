import { Duration } from 'aws-cdk-lib';
import { bytes, sealed, uint } from './aggregate';
import { DESTINATIONS, FanOutAtWork, orders, type FanOutVariant } from './fan-out-at-work';
import { FanOutOrdering, FanOutReader, type KinesisFanOutProps } from '../../src';
import { QUARANTINE_PREFIX } from '../../src/kinesis-fan-out/contract';
import { PLAIN_SERVICE } from '../kit/dispatch/stream-plan';
import {
  forbiddenSuite, loosePermissions, looseWildcards, missingPermissions, unusedConditions, unusedPermissions, type Recorded,
} from '../kit/iam/proof';
import { requestOf } from '../kit/iam/requests';

/** Both ways: whatever the functions, and the services for them, do is allowed; whatever is allowed is done. */

jest.setTimeout(600_000);

const SENT = orders(4, 2);
/** Refused by everybody. */
const CORRUPT = sealed(bytes(3, Buffer.concat([uint(1, 7), bytes(3, '{}')])));

/** Records expire soon. */
const SHORT: KinesisFanOutProps = { maxRecordAge: Duration.minutes(1) };

/** Everything a fan-out does, once, by each of its functions. */
async function exercise(fanOut: FanOutAtWork): Promise<void> {
  // Delivered twice, so that whoever knows records again looks them up; a record nobody can take.
  await fanOut.begin({ streams: { ...PLAIN_SERVICE, losesCheckpoint: (batch) => batch.endsWith('/0') } });
  fanOut.put(...SENT);
  fanOut.putRaw('key-0', CORRUPT);
  await fanOut.settle();
  for (const id of DESTINATIONS) expect([id, (await fanOut.arrived(id)).length > 0]).toEqual([id, true]);
  for (const destination of DESTINATIONS) {
    const prefix = `${QUARANTINE_PREFIX}${destination}/`;
    expect(await fanOut.replay({ destination, prefix })).toMatchObject({ objects: 1, quarantined: 1 });
  }

  // Nothing is delivered until it is too old.
  await fanOut.begin({ streams: { ...PLAIN_SERVICE, throttles: () => true } });
  fanOut.put(...SENT);
  await fanOut.settle();
  const [key] = await fanOut.expired('Archive');
  expect(await fanOut.replay({ destination: 'Archive', key })).toMatchObject({ delivered: SENT.length });
  for (const destination of DESTINATIONS) expect([destination, (await fanOut.expired(destination)).length > 0]).toEqual([destination, true]);
}

/** What services do that the world does not play: S3 user guide, "Enabling Amazon S3 server access logging". */
function played({ world: { evaluator: { landscape }, model } }: FanOutAtWork): Recorded[] {
  return model.buckets.flatMap(({ accessLogs, arn }) => accessLogs === undefined ? [] : [{
    principal: 'logging.s3.amazonaws.com',
    request: requestOf('s3:PutObject', `arn:aws:s3:::${accessLogs.bucket}/${accessLogs.prefix}2026-01-01-00-00-00-0`, landscape, {
      'aws:SourceArn': arn, 'aws:SourceAccount': landscape.account,
    }),
  }]);
}

/** The other reader for each, no order where there need be none, keys of the customer. */
const OTHERWISE: FanOutVariant = {
  standard: true,
  encrypted: true,
  options: (id) => ({
    reader: ['Lake', 'Mirror', 'News', 'Partner', 'State'].includes(id) ? FanOutReader.SHARED : FanOutReader.DEDICATED,
    ...id !== 'Lake' && { ordering: FanOutOrdering.NONE },
  }),
  props: () => ({ ...SHORT, expectedUtilisation: 0.1 }),
};

describe.each<[string, FanOutVariant]>([
  ['a fan-out with order, three shared readers, and keys of the services', { props: () => SHORT }],
  ['without order, the other readers, and keys of the customer', OTHERWISE],
])('%s', (_, variant) => {
  let fanOut: FanOutAtWork;
  let recorded: Recorded[];
  beforeAll(async () => {
    fanOut = await FanOutAtWork.start(variant);
    await exercise(fanOut);
    fanOut.world.note(played(fanOut));
    recorded = fanOut.world.recorded();
  });
  afterAll(() => fanOut?.stop());

  test('nothing is missing', async () => {
    const { evaluator } = fanOut.world;
    expect(missingPermissions(evaluator, recorded)).toEqual([]);
    for (const { principal, request } of recorded) {
      // The service authorization reference types `events:source` as a list, the user guide's own policies compare it as one.
      if (request.action !== 'events:PutEvents') await evaluator.validate(principal, request);
    }
  });

  test('nothing is unused', () => {
    expect(unusedPermissions(fanOut.world.evaluator, recorded)).toEqual([]);
  });

  test('nothing is loose, no condition idle', async () => {
    const { evaluator } = fanOut.world;
    // Whose bucket it is, is a condition for the failure bucket alone.
    const lake = `arn:aws:s3:::${fanOut.of('Lake').environment.TARGET}/`;
    const forbidden = (await forbiddenSuite(evaluator, recorded))
      .filter(({ request: { resource }, why }) => !(resource.startsWith(lake) && why.startsWith('s3:ResourceAccount')));
    expect(loosePermissions(evaluator, forbidden)).toEqual([]);
    expect(unusedConditions(evaluator, recorded, forbidden)).toEqual([]);
    expect(await looseWildcards(evaluator)).toEqual([]);
    console.log(`${recorded.length} permissions asked for, ${forbidden.length} forbidden requests`);
    expect(forbidden.length).toBeGreaterThan(1000);
  });
});
