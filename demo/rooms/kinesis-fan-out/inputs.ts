import { Prng } from '../../../test/kit/faults';

export interface Produced {
  /** The order's number. */
  readonly key: string;
  readonly data: string;
  /** What is wrong with it. */
  readonly about?: string;
}

export const DEFAULT_ORDERS = 5_000;
const SEED = 20261121;
const STEPS = ['order-placed', 'order-paid', 'order-shipped'] as const;
/** Orders that are on their way at a time. */
const OPEN = 60;
const GOODS = ['teapot', 'kettle', 'sencha 100 g', 'gyokuro 50 g', 'cup', 'whisk'];

/**
 * Events of orders, interleaved as customers come and go: placed, paid, shipped. Every event of an order carries its step,
 * so that order can be checked wherever it ends. A few are what producers do on bad days.
 */
export function produce(count: number): Produced[] {
  const prng = new Prng(SEED);
  const poison = new Map<number, 'cut off' | 'no number'>();
  for (let n = 0; n < 6; n++) poison.set(Math.floor(count * (n + 1) / 8), n % 2 === 0 ? 'cut off' : 'no number');
  const open: Array<{ readonly key: string; step: number }> = [];
  let orders = 0;
  return Array.from({ length: count }, (_, n) => {
    if (open.length < OPEN) open.push({ key: `order-${String(++orders).padStart(6, '0')}`, step: 0 });
    const order = prng.pick(open);
    const { key, step } = order;
    order.step += 1;
    if (order.step === STEPS.length) open.splice(open.indexOf(order), 1);
    const event = {
      n,
      orderId: key,
      type: STEPS[step],
      step,
      customer: `customer-${prng.int(1, 900)}`,
      item: prng.pick(GOODS),
      cents: prng.int(300, 12_000),
      card: `4111 1111 1111 ${prng.int(1000, 9999)}`,
    };
    const data = JSON.stringify(event);
    switch (poison.get(n)) {
      case 'cut off': return { key: `broken-${n}`, data: data.slice(0, data.length / 2), about: 'an event that was cut off: it is no JSON' };
      case 'no number': return { key: `broken-${n}`, data: JSON.stringify({ ...event, orderId: undefined, step: 0 }), about: 'an event without its order number' };
      default: return { key, data };
    }
  });
}
