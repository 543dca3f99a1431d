import { lookBackSeconds, parseSetId, TAG, type ArtifactInventory, type RecoveryPoint, type RestoreAnswer, type RestoreRequest, type SiteSettings } from '../contract';
import { artifactKey, inventoryKey } from './inventory';
import { choosePoints, parameterValues, pointId, type Parameters, type PointChoice } from './parameters';
import type { Ec2, Image, Objects, Preflight, RecoveryPoints, Snapshot, Stacks, Tags } from './ports';
import { RestoreRefused } from './refusal';

/** What a restore reads. All of it is in the site's Region. */
export interface RestoreSources {
  readonly settings: SiteSettings;
  readonly bucket: string;
  readonly bucketUrl: string;
  readonly objects: Objects;
  readonly stacks: Pick<Stacks, 'templateParameters'>;
  readonly ec2: Pick<Ec2, 'images' | 'snapshots'>;
  readonly preflight: Preflight;
}

export interface PreparedRestore {
  readonly points: RestoreAnswer['points'];
  /** Their ids. */
  readonly sets: readonly string[];
  readonly templateUrl: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/** Bytes of a template in a bucket (CloudFormation user guide, Understand CloudFormation quotas: 1 MB). */
const MAX_TEMPLATE_BYTES = 2 ** 20;
/** Values of one filter of EC2's (EC2 API reference), less today. */
const MAX_DAYS = 200;

/**
 * Everything a change set needs, checked. Changes nothing.
 *
 * @param attempt how often there was no capacity for the same restore
 * @throws {@link RestoreRefused} if it cannot be, with what is missing
 */
export async function prepareRestore(
  request: Pick<RestoreRequest, 'sets' | 'before'>, attempt: number, points: RecoveryPoints, sources: RestoreSources,
): Promise<PreparedRestore> {
  const { settings: { restore, plans }, bucket, stacks } = sources;
  if (restore === undefined) throw new RestoreRefused('this site has no template to restore from');
  const template = await findTemplate(restore.templateKey, sources);
  const declared = await stacks.templateParameters(template.url);
  const { choice, warnings } = await chooseUsablePoints(request, restore.parameters, points, sources);
  const inventories = await readInventories(restore.parameters, choice, sources);
  const offered = await offeredCandidates(restore.parameters, sources.preflight);
  const offer = { bucket, inventories: inventories.byPlan, artifactKey, offered, declared, attempt };
  const values = parameterValues(restore.parameters, choice, plans, offer);
  return {
    points: choice.used.map(({ plan, set, takenAt, consistency }) => ({ plan, set, takenAt, consistency })),
    sets: choice.used.map(({ set }) => set),
    templateUrl: template.url,
    parameters: values.parameters,
    warnings: [...warnings, ...choice.warnings, ...inventories.warnings, ...values.warnings, ...templateWarnings(choice.used, template.version)],
  };
}

/** Tags of a restored stack, which CloudFormation gives to all of its resources that take some. Not of ours: volumes hand theirs on to snapshots. */
export function stackTags(name: string): Tags {
  return { 'ebsdr-stack': name };
}

/** A request for exactly these points. */
export function exactly(points: PreparedRestore['points']): Pick<RestoreRequest, 'sets'> {
  return { sets: points.map(({ plan, set }) => ({ plan, set })) };
}

async function findTemplate(key: string, { objects, bucketUrl }: RestoreSources): Promise<{ readonly url: string; readonly version: string }> {
  const found = await objects.head(key);
  if (found === undefined) throw new RestoreRefused(`the template '${key}' is not in the site's bucket`);
  if (found.size > MAX_TEMPLATE_BYTES) throw new RestoreRefused(`the template '${key}' must have at most ${MAX_TEMPLATE_BYTES} bytes, got ${found.size}`);
  // Exactly what was looked at, whatever is written meanwhile.
  const path = key.split('/').map(encodeURIComponent).join('/');
  return { url: `${bucketUrl}/${path}?versionId=${encodeURIComponent(found.version)}`, version: found.version };
}

function templateWarnings(used: readonly RecoveryPoint[], version: string): string[] {
  const others = used.filter(({ template }) => template !== undefined && template.version !== version);
  return others.length === 0 ? [] : [`the template was changed since ${others.map(({ set }) => set).join(', ')}`];
}

interface UsablePoints {
  readonly choice: PointChoice;
  readonly warnings: readonly string[];
}

/**
 * From the sets of the last days, since years of them take minutes to read; further back only for what is not found there. An
 * instance without a set of the last days does not compete with those that have some.
 */
async function chooseUsablePoints(
  request: Pick<RestoreRequest, 'sets' | 'before'>, parameters: Parameters, points: RecoveryPoints, sources: RestoreSources,
): Promise<UsablePoints> {
  const images = await readImages(parameters, sources);
  const days = Math.ceil(Math.max(...sources.settings.plans.map(({ rpoSeconds }) => lookBackSeconds(rpoSeconds))) / 86_400);
  for (const window of [days, 10 * days].filter((each) => each < MAX_DAYS)) {
    try {
      return await chooseWithin(window, images, request, parameters, points, sources);
    } catch (error) {
      if (!(error instanceof RestoreRefused)) throw error;
    }
  }
  return chooseWithin(undefined, images, request, parameters, points, sources);
}

/** Newest points all of whose snapshots can be restored from at this moment; one that was spoilt gives way to the one before it. */
async function chooseWithin(
  days: number | undefined, images: ReadonlyMap<string, readonly Image[]>,
  request: Pick<RestoreRequest, 'sets' | 'before'>, parameters: Parameters, points: RecoveryPoints, sources: RestoreSources,
): Promise<UsablePoints> {
  const { plans } = sources.settings;
  const { pinned, newest } = await findPoints(days, request, points, sources);
  const warnings: string[] = [];
  const available = new Map(newest.map((point) => [`${point.plan}/${point.instance}`, point]));
  for (;;) {
    const all = [...available.values()].map((point) => withImage(point, images));
    const choice = choosePoints(parameters, { points: all, pinned, plans });
    const spoilt = await spoiltPoints(choice.used, points, sources);
    if (spoilt.size === 0) return { choice, warnings };
    for (const [point, why] of spoilt) {
      if (pinned.has(pointId(point))) throw new RestoreRefused(`set ${point.set} of plan '${point.plan}' cannot be restored from: ${why}`);
      warnings.push(`set ${point.set} of plan '${point.plan}' is passed over: ${why}`);
      const older = (await points.newest(point.plan, Date.parse(point.takenAt) - 1, days)).find(({ instance }) => instance === point.instance);
      if (older === undefined) available.delete(`${point.plan}/${point.instance}`);
      else available.set(`${point.plan}/${point.instance}`, older);
    }
  }
}

async function findPoints(
  days: number | undefined, { sets = [], before }: Pick<RestoreRequest, 'sets' | 'before'>, points: RecoveryPoints, { settings: { plans } }: RestoreSources,
): Promise<{ readonly pinned: ReadonlySet<string>; readonly newest: readonly RecoveryPoint[] }> {
  const asked = await Promise.all(sets.map(async ({ plan, set }) => {
    const point = plans.some((each) => each.plan === plan) ? await points.exactly(plan, set) : undefined;
    if (point === undefined) throw new RestoreRefused(`set ${set} of plan '${plan}' is no complete recovery point of this site`);
    return point;
  }));
  const until = before === undefined ? undefined : Date.parse(before);
  const newest = (await Promise.all(plans.map(({ plan }) => points.newest(plan, until, days)))).flat();
  const isAsked = ({ plan, instance }: RecoveryPoint) => asked.some((point) => point.plan === plan && point.instance === instance);
  return { pinned: new Set(asked.map(pointId)), newest: [...asked, ...newest.filter((point) => !isAsked(point))] };
}

/** Points of which a snapshot is gone or cannot be restored from, and why. */
async function spoiltPoints(
  used: readonly RecoveryPoint[], points: RecoveryPoints, { preflight }: RestoreSources,
): Promise<ReadonlyMap<RecoveryPoint, string>> {
  const ids = used.flatMap(({ members }) => members.map(({ snapshot }) => snapshot));
  const snapshots = new Map((await points.snapshots(ids)).map((snapshot) => [snapshot.snapshot, snapshot]));
  const keys = new Set([...snapshots.values()].flatMap(({ key }) => key ?? []));
  const unusable = new Set((await Promise.all([...keys].map(async (key) => await preflight.keyUsable(key) ? [] : [key]))).flat());
  const troubleOf = (id: string) => snapshotTrouble(id, snapshots.get(id), unusable);
  return new Map(used.flatMap((point) => {
    const why = point.members.map(({ snapshot }) => troubleOf(snapshot)).find((trouble) => trouble !== undefined);
    return why === undefined ? [] : [[point, why] as const];
  }));
}

function snapshotTrouble(id: string, snapshot: Snapshot | undefined, unusableKeys: ReadonlySet<string>): string | undefined {
  if (snapshot === undefined) return `${id} is gone`;
  if (snapshot.state !== 'completed') return `${id} is ${snapshot.state}`;
  if (snapshot.tier === 'archive') return `${id} is in the archive tier`;
  return snapshot.key !== undefined && unusableKeys.has(snapshot.key) ? `the key of ${id} is not enabled` : undefined;
}

/** By plan and instance, oldest first. Only if a parameter asks for one. */
async function readImages(parameters: Parameters, { ec2, settings: { plans } }: RestoreSources): Promise<ReadonlyMap<string, readonly Image[]>> {
  if (!Object.values(parameters).some(({ kind }) => kind === 'image')) return new Map();
  const images = new Map<string, Image[]>();
  for (const image of await ec2.images({ tags: { [TAG.plan]: plans.map(({ plan }) => plan) }, states: ['available'] })) {
    const { [TAG.plan]: plan, [TAG.set]: set = '' } = image.tags;
    const key = `${plan}/${set.split('@')[0]}`;
    images.set(key, [...images.get(key) ?? [], image]);
  }
  for (const ofInstance of images.values()) ofInstance.sort((a, b) => a.tags[TAG.set] < b.tags[TAG.set] ? -1 : 1);
  return images;
}

/** The point with the newest image that was made with it or before it, or else with the first one after it; only with what is there now. */
function withImage(point: RecoveryPoint, images: ReadonlyMap<string, readonly Image[]>): RecoveryPoint {
  const { image: _noted, ...rest } = point;
  const ofInstance = images.get(`${point.plan}/${point.instance}`) ?? [];
  const found = ofInstance.filter(({ tags }) => tags[TAG.set] <= point.set).at(-1) ?? ofInstance[0];
  if (found === undefined) return rest;
  const takenAt = parseSetId(found.tags[TAG.set]).scheduledAt;
  return { ...rest, image: { image: found.image, source: found.tags[TAG.source] ?? found.image, takenAt } };
}

interface Inventories {
  readonly byPlan: ReadonlyMap<string, ArtifactInventory>;
  readonly warnings: readonly string[];
}

/** Of the plans whose artifacts parameters ask for: what belongs to the recovery point, or the newest one. */
async function readInventories(parameters: Parameters, choice: PointChoice, { settings: { plans }, objects }: RestoreSources): Promise<Inventories> {
  const buckets = new Set(Object.values(parameters).flatMap((parameter) => (
    parameter.kind === 'artifact-key' || parameter.kind === 'artifact-version' ? [parameter.bucket] : [])));
  const byPlan = new Map<string, ArtifactInventory>();
  const warnings: string[] = [];
  for (const { plan } of plans.filter(({ artifacts }) => artifacts.some((bucket) => buckets.has(bucket)))) {
    const noted = choice.artifacts.get(plan)?.artifacts;
    const body = await objects.get(noted?.key ?? inventoryKey(plan), noted?.version);
    if (body !== undefined) byPlan.set(plan, JSON.parse(body) as ArtifactInventory);
    if (body !== undefined && noted === undefined) warnings.push(`the artifacts of plan '${plan}' are the newest ones: its recovery points do not tell theirs`);
  }
  return { byPlan, warnings };
}

async function offeredCandidates(parameters: Parameters, preflight: Preflight): Promise<ReadonlySet<string>> {
  const candidates = (kind: 'instance-type' | 'availability-zone') => [...new Set(Object.values(parameters).flatMap((parameter) => (
    parameter.kind === kind ? parameter.candidates : [])))];
  const [types, zones] = [candidates('instance-type'), candidates('availability-zone')];
  const offered = await Promise.all([
    types.length > 0 ? preflight.instanceTypes(types) : [],
    zones.length > 0 ? preflight.availabilityZones(zones) : [],
  ]);
  return new Set(offered.flat());
}
