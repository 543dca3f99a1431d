import { DELIVER_ENV, type DeliverEnv, type DeliverSettings, type TargetSettings } from '../src/kinesis-fan-out/contract';
import { Prng } from '../test/kit/faults';

/** Orders of so many bytes. */
export const RECORD_BYTES = 500;
export const KEYS = 300;

export interface Order {
  readonly key: string;
  /** JSON of {@link RECORD_BYTES} bytes that begins with the order's number. */
  readonly data: string;
}

export function orders(seed: number, count: number, keys = KEYS): Order[] {
  const prng = new Prng(seed);
  return Array.from({ length: count }, (_, n) => {
    const head = `{"n":${n},"customer":"${prng.int(1, 1e6)}","text":"`;
    const text = Array.from({ length: RECORD_BYTES - head.length - 2 }, () => String.fromCharCode(prng.int(0x61, 0x7A))).join('');
    return { key: `customer-${prng.int(1, keys)}`, data: `${head}${text}"}` };
  });
}

/** What the construct gives to a function by default, for a destination of this kind. */
export function settingsOf(target: TargetSettings, settings: Partial<DeliverSettings> = {}): DeliverSettings {
  return { ordering: 'none', filters: [], transforms: [], packing: { kind: 'none', maxBytes: 1024 * 1024, envelope: false }, sendAhead: 1000, target, ...settings };
}

/** The process of a delivering function. */
export function environmentOf(settings: DeliverSettings, endpoint = 'http://127.0.0.1:1'): NodeJS.ProcessEnv {
  const variables: DeliverEnv = {
    ...Object.fromEntries(DELIVER_ENV.map((name) => [name, ''])) as DeliverEnv,
    FAN_OUT_NAME: 'bench',
    DESTINATION: 'Bench',
    FAILURE_BUCKET: 'failures',
    SETTINGS: JSON.stringify(settings),
    TARGET: settings.target.kind === 'https' ? 'https://bench.invalid' : 'bench',
  };
  return {
    ...variables,
    PATH: process.env.PATH,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'testing',
    AWS_SECRET_ACCESS_KEY: 'testing',
    AWS_ENDPOINT_URL: endpoint,
    AWS_LAMBDA_FUNCTION_NAME: 'bench',
    MALLOC_ARENA_MAX: '2',
  };
}
