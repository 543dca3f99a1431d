export interface EbsEvent {
  /** 'create-set': CreateSnapshots, whose members have no event of their own. */
  readonly kind: 'create' | 'create-set' | 'copy' | 'share' | 'archive' | 'fast-restore' | 'other';
  /** Of the snapshot. */
  readonly region?: string;
  readonly snapshot?: string;
  /** Id of the volume or snapshot it was made of. */
  readonly source?: string;
  readonly result?: 'succeeded' | 'failed';
}

const KINDS: ReadonlyArray<readonly [RegExp, EbsEvent['kind']]> = [
  [/^createSnapshots$/i, 'create-set'],
  [/^createSnapshot$/i, 'create'],
  [/^copySnapshot$/i, 'copy'],
  [/^shareSnapshot$/i, 'share'],
  [/archive|restoreSnapshot|tier/i, 'archive'],
  [/fast|fsr/i, 'fast-restore'],
];
const RESULTS = ['succeeded', 'failed'] as const;
/** Regions stand in the account's field in documented events, in their own in others (EC2 user guide, ebs-cloud-watch-events). */
const ARN = /^arn:[^:]*:ec2:([^:]*):([^:]*):(?:snapshot|volume)\/((?:snap|vol)-[0-9a-f]+)$/;
const ID = /^(?:snap|vol)-[0-9a-f]+$/;
const REGION = /^[a-z]{2,}(?:-[a-z]+)+-\d+$/;

/**
 * What an event of EBS says, as far as it can be understood; undefined if it is none. Events are hints to look and nothing
 * more: they come late, twice or not at all.
 */
export function parseEbsEvent(event: unknown): EbsEvent | undefined {
  const outer = asObject(event);
  const detail = asObject(outer?.detail);
  if (outer === undefined || detail === undefined || outer.source !== 'aws.ec2' || !/^EBS .*Snapshot/.test(asString(outer['detail-type']) ?? '')) return undefined;
  const name = asString(detail.event) ?? asString(outer['detail-type']) ?? '';
  const snapshot = parseResource(detail.snapshot_id);
  const source = parseResource(detail.source);
  const region = snapshot?.region ?? asString(outer.region);
  const result = RESULTS.find((known) => known === detail.result);
  return {
    kind: KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? 'other',
    ...region !== undefined && { region },
    ...snapshot && { snapshot: snapshot.id },
    ...source && { source: source.id },
    ...result && { result },
  };
}

function parseResource(value: unknown): { readonly region?: string; readonly id: string } | undefined {
  const text = asString(value);
  if (text === undefined) return undefined;
  if (ID.test(text)) return { id: text };
  const match = ARN.exec(text);
  if (match === null) return undefined;
  const region = [match[1], match[2]].find((field) => REGION.test(field));
  return { ...region !== undefined && { region }, id: match[3] };
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? value as Readonly<Record<string, unknown>> : undefined;
}

function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
