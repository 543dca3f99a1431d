import { Duration } from 'aws-cdk-lib';
import { DeliverSettings, Packing } from './contract';
import type { FanOutDeliveryOptions } from './fan-out-delivery';
import { FanOutDestination } from './fan-out-destination';
import { guardKnown, guardPackSize, nameOf } from './guards';
import { Target } from './targets/target';
import { checkDuration, checkInteger, checkKnown } from '../private/validate';

export const DEFAULT_TIMEOUT = Duration.seconds(60);
/** The handler keeps some of it back for quarantine and answer. */
const MIN_TIMEOUT = Duration.seconds(10);

export function checkOptions({ batchSize, parallelizationFactor, sendAhead, batchWindow }: FanOutDeliveryOptions): void {
  checkInteger('batchSize', batchSize, { min: 1, max: 10_000 });
  checkInteger('parallelizationFactor', parallelizationFactor, { min: 1, max: 10 });
  checkInteger('sendAhead', sendAhead, { min: 1, max: 10_000 });
  if (batchWindow && !batchWindow.isUnresolved()) checkInteger('batchWindow', batchWindow.toSeconds({ integral: false }), { min: 0, max: 300 });
}

export function checkTimeout(timeout: Duration | undefined, patience: Duration | undefined): void {
  checkDuration('timeout', timeout, MIN_TIMEOUT);
  checkKnown('timeout', timeout);
  const whole = timeout ?? DEFAULT_TIMEOUT;
  if (patience && patience.toMilliseconds() * 2 > whole.toMilliseconds()) {
    throw new Error(`'timeout' of an HTTPS destination must be at most half of its function's ${whole.toHumanString()}, got ${patience.toHumanString()}`);
  }
}

/** What the function is told about its destination. */
export function settingsOf(id: string, { _target: target, _packing: packing }: FanOutDestination, options: FanOutDeliveryOptions): DeliverSettings {
  const [defaultOrdering] = target.orderings;
  const ordering = options.ordering ?? defaultOrdering;
  if (!target.orderings.includes(ordering)) {
    throw new Error(`'ordering' of destination '${id}' must be ${target.orderings.map(nameOf).join(' or ')}, got ${nameOf(ordering)}: ${target.orderingRemedy}`);
  }
  const settings: DeliverSettings = {
    ordering,
    filters: options.filter?._patterns ?? [],
    transforms: options.transform?._steps ?? [],
    packing: packingOf(id, target, packing),
    sendAhead: options.sendAhead ?? target.sendAhead,
    target: target.bind(ordering).settings,
  };
  guardKnown(id, settings);
  return settings;
}

function packingOf(id: string, target: Target, packing: FanOutDestination['_packing']): Packing {
  const [defaultKind] = target.packings;
  const kind = packing?._kind ?? defaultKind;
  const { maxSize, envelope } = packing?._options ?? {};
  if (!target.packings.includes(kind)) {
    throw new Error(`'packing' of destination '${id}' must be ${target.packings.join(' or ')}, got ${kind}`);
  }
  if (maxSize?.isUnresolved()) throw new Error(`'maxSize' of the packing of destination '${id}' must be known at synth, got a token`);
  if (maxSize) guardPackSize(id, maxSize.toBytes(), target);
  const maxBytes = maxSize?.toBytes() ?? target.defaultEntryBytes;
  if (maxBytes < 1024) throw new Error(`'maxSize' of the packing of destination '${id}' must be at least 1 KiB, got ${maxBytes} bytes`);
  return { kind, maxBytes, envelope: envelope ?? target.envelope };
}
