import type { Instance, Millis, Snapshot, Tags, Volume } from './ports';
import { TAG } from '../contract';

/** Tags of a resource, and characters of a tag's value, at most (EC2 user guide, Using_Tags). */
const MAX_TAGS = 50;
const MAX_VALUE = 256;
const COPIED = [TAG.plan, TAG.set, TAG.members, TAG.origin, TAG.frozen, TAG.name] as const;
const DEV = '/dev/';
/** Before a device whose name does not begin with "/dev/", as those of Windows. */
const BARE = ':';
/** Characters of a volume's id at least: a volume that is none of the set's is hardly taken for one. */
const MIN_END = 4;

/** Tags of a set's snapshots: one call makes them all, so they are equal. Devices that fit into neither tag are left out. */
export function originalTags(
  plan: string, set: string, call: Millis, instance: Instance, members: readonly Volume[], origin: string,
  frozen?: { readonly from: Millis; readonly until: Millis },
): Tags {
  const [devices, moreDevices] = listDevices(members);
  return {
    [TAG.plan]: plan,
    [TAG.set]: set,
    [TAG.members]: `${members.length}@${new Date(call).toISOString()}`,
    [TAG.origin]: origin,
    [TAG.devices]: devices,
    ...moreDevices !== undefined && { [TAG.moreDevices]: moreDevices },
    ...frozen && { [TAG.frozen]: `${new Date(frozen.from).toISOString()}/${new Date(frozen.until).toISOString()}` },
    ...instance.tags.Name && { [TAG.name]: instance.tags.Name },
  };
}

/** Tags of the copy of a set's snapshot: ours, and as many of the user's as there is room for. */
export function copyTags(original: Snapshot, deviceOf?: (volume: string) => string | undefined): Tags {
  const own = ownCopyTags(original, deviceOf);
  return { ...userTags(original.tags, MAX_TAGS - Object.keys(own).length), ...own };
}

/** Tags of the copy without the user's. */
export function ownCopyTags(original: Snapshot, deviceOf: (volume: string) => string | undefined = deviceOfSet(original.tags)): Tags {
  const device = deviceOf(original.volume);
  return {
    ...Object.fromEntries(COPIED.filter((key) => key in original.tags).map((key) => [key, original.tags[key]])),
    [TAG.source]: original.snapshot,
    [TAG.volume]: original.volume,
    [TAG.taken]: new Date(original.startedAt).toISOString(),
    ...device !== undefined && { [TAG.device]: device },
  };
}

/** What may be set again of tags that were read: nothing of AWS's or ours, and not more than the budget, first ones first. */
export function userTags(tags: Tags, budget: number): Tags {
  const keys = Object.keys(tags).filter((key) => !/^(aws|ebsdr):/i.test(key)).sort();
  return Object.fromEntries(keys.slice(0, Math.max(budget, 0)).map((key) => [key, tags[key]]));
}

/** Reads the devices from the tags of a set's snapshots. */
export function deviceOfSet(tags: Tags): (volume: string) => string | undefined {
  const entries = readDevices(tags);
  return (volume) => entries.find(({ end }) => volume.endsWith(end))?.device;
}

/** Snapshots of the call that made these tags; not a number if they do not say. */
export function memberCount(tags: Tags): number {
  return Number(/^([1-9]\d*)(@|$)/.exec(tags[TAG.members] ?? '')?.[1]);
}

/** The set was to have other volumes: its tags name all of its members, and this is none of them. */
export function isStranger(tags: Tags, volume: string): boolean {
  const entries = readDevices(tags);
  return entries.length === memberCount(tags) && !entries.some(({ end }) => volume.endsWith(end));
}

function readDevices(tags: Tags): ReadonlyArray<{ readonly device: string; readonly end: string }> {
  return `${tags[TAG.devices] ?? ''} ${tags[TAG.moreDevices] ?? ''}`.split(' ').map((entry) => {
    const [device, end = ''] = entry.split('=');
    return { device: device.startsWith(BARE) ? device.slice(BARE.length) : DEV + device, end };
  }).filter(({ end }) => end !== '');
}

function listDevices(members: readonly Volume[]): string[] {
  const values = [''];
  for (const { volume, device } of members) {
    const name = device.startsWith(DEV) ? device.slice(DEV.length) : BARE + device;
    const entry = `${name}=${shortestEnd(volume, members)}`;
    const longer = values[values.length - 1] === '' ? entry : `${values[values.length - 1]} ${entry}`;
    if (longer.length <= MAX_VALUE) values[values.length - 1] = longer;
    else values.push(entry);
  }
  return values.slice(0, 2);
}

function shortestEnd(volume: string, members: readonly Volume[]): string {
  for (let length = MIN_END; length < volume.length; length++) {
    const end = volume.slice(-length);
    if (members.every((other) => other.volume === volume || !other.volume.endsWith(end))) return end;
  }
  return volume;
}
