import { parseSetId, type ArtifactInventory, type RecoveryPoint, type RestoreParameter, type RestoreSettings, type SitePlan } from '../contract';
import { RestoreRefused } from './refusal';

export type Parameters = RestoreSettings['parameters'];

/** What there is to restore from: one recovery point of each instance and plan. */
export interface Available {
  readonly points: readonly RecoveryPoint[];
  /** {@link pointId} of those that were asked for. */
  readonly pinned: ReadonlySet<string>;
  readonly plans: readonly SitePlan[];
}

/** Which recovery point serves which parameter. */
export interface PointChoice {
  readonly of: ReadonlyMap<string, RecoveryPoint>;
  /** Each one once, by plan and set. */
  readonly used: readonly RecoveryPoint[];
  /** By plan: the point whose inventory of artifacts counts. */
  readonly artifacts: ReadonlyMap<string, RecoveryPoint>;
  readonly warnings: readonly string[];
}

/** What else values come from. */
export interface Offer {
  readonly bucket: string;
  /** By plan. */
  readonly inventories: ReadonlyMap<string, ArtifactInventory>;
  /** Key of an artifact in the site's bucket. */
  readonly artifactKey: (bucket: string, key: string) => string;
  /** Instance types and Availability Zones the Region has, of all candidates. */
  readonly offered: ReadonlySet<string>;
  /** What the template declares. */
  readonly declared: Readonly<Record<string, { readonly hasDefault: boolean; readonly noEcho: boolean }>>;
  /** How often there was no capacity: 0 the first time. */
  readonly attempt: number;
}

export interface ParameterValues {
  readonly parameters: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/** An instance this many RPOs behind its namesake has been replaced by it. */
const REPLACED_AFTER_RPOS = 2;

export function pointId({ plan, set }: Pick<RecoveryPoint, 'plan' | 'set'>): string {
  return `${plan}/${set}`;
}

/**
 * Finds the recovery point for each parameter that needs one.
 *
 * @throws {@link RestoreRefused} naming every parameter that none or several serve, and what there is
 */
export function choosePoints(parameters: Parameters, available: Available): PointChoice {
  const of = new Map<string, RecoveryPoint>();
  const warnings = new Set<string>();
  const problems: string[] = [];
  for (const [name, parameter] of Object.entries(parameters)) {
    if (parameter.kind !== 'snapshot' && parameter.kind !== 'image') continue;
    const { found, warning, problem } = pointFor(parameter, available);
    if (warning !== undefined) warnings.add(warning);
    if (found !== undefined) of.set(name, found);
    if (problem !== undefined) problems.push(`parameter '${name}': ${problem}`);
  }
  refuseFor(problems);
  const used = [...new Set(of.values())].sort((a, b) => pointId(a) < pointId(b) ? -1 : 1);
  const times = new Set(used.map(({ set }) => parseSetId(set).scheduledAt));
  if (times.size > 1) warnings.add(`the sets are of different times: ${[...times].sort().join(', ')}`);
  return { of, used, artifacts: artifactPoints(used, available.points), warnings: [...warnings] };
}

interface Finding {
  readonly found?: RecoveryPoint;
  readonly warning?: string;
  readonly problem?: string;
}

function pointFor(parameter: RestoreParameter & { readonly kind: 'snapshot' | 'image' }, { points, pinned, plans }: Available): Finding {
  const { plan, name } = parameter;
  const serves = (point: RecoveryPoint) => (
    parameter.kind === 'image' ? point.image !== undefined : point.members.some(({ device }) => device === parameter.device));
  const what = parameter.kind === 'image' ? 'an image' : `a volume at ${parameter.device}`;
  const matching = points.filter((point) => (plan === undefined || point.plan === plan) && (name === undefined || point.name === name));
  const serving = newestOfInstances(matching.filter(serves));
  const asked = serving.filter((point) => pinned.has(pointId(point)));
  const candidates = asked.length > 0 ? asked : serving;
  const current = candidates.filter((point) => !candidates.some((other) => replaces(other, point, plans)));
  const [found] = current;
  if (found === undefined) return { problem: `no recovery point with ${what}${restriction(plan, name)}; there are ${listOf(points)}` };
  if (current.length > 1) return { problem: `several recovery points with ${what}${restriction(plan, name)}: ${listOf(current)}; name the plan or the instance, or ask for a set` };
  const replaced = candidates.filter((point) => point !== found);
  return {
    found,
    ...(replaced.length > 0 && { warning: `${found.instance} is taken to have replaced ${replaced.map(({ instance, takenAt }) => `${instance} (last set of ${takenAt})`).join(', ')}` }),
  };
}

/** An instance that several plans take serves with its newest point. */
function newestOfInstances(points: readonly RecoveryPoint[]): RecoveryPoint[] {
  return points.filter((point) => !points.some((other) => other.instance === point.instance
    && (other.takenAt > point.takenAt || (other.takenAt === point.takenAt && other.plan < point.plan))));
}

function replaces(newer: RecoveryPoint, older: RecoveryPoint, plans: readonly SitePlan[]): boolean {
  if (newer.plan !== older.plan || newer.name !== older.name) return false;
  const rpoSeconds = plans.find(({ plan }) => plan === newer.plan)?.rpoSeconds;
  return rpoSeconds !== undefined && Date.parse(newer.takenAt) - Date.parse(older.takenAt) > REPLACED_AFTER_RPOS * rpoSeconds * 1000;
}

/** Of a plan's points in use, and if none is of all, the newest one that knows its artifacts. */
function artifactPoints(used: readonly RecoveryPoint[], points: readonly RecoveryPoint[]): ReadonlyMap<string, RecoveryPoint> {
  const newest = new Map<string, RecoveryPoint>();
  const plansInUse = new Set(used.map(({ plan }) => plan));
  for (const point of [...used, ...points.filter(({ plan }) => !plansInUse.has(plan))]) {
    if (point.artifacts !== undefined && !(newest.get(point.plan)!?.takenAt >= point.takenAt)) newest.set(point.plan, point);
  }
  return newest;
}

/**
 * The exact value of every parameter.
 *
 * @throws {@link RestoreRefused} naming every parameter that has none, and what there is
 */
export function parameterValues(parameters: Parameters, choice: PointChoice, plans: readonly SitePlan[], offer: Offer): ParameterValues {
  const problems = declarationProblems(parameters, offer.declared);
  const warnings = new Set<string>();
  const pick = picker(parameters, offer);
  const values: Record<string, string> = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    try {
      values[name] = valueOf(name, parameter);
    } catch (error) {
      if (!(error instanceof RestoreRefused)) throw error;
      problems.push(`parameter '${name}': ${error.message}`);
    }
  }
  refuseFor(problems);
  return { parameters: values, warnings: [...warnings] };

  function valueOf(name: string, parameter: RestoreParameter): string {
    switch (parameter.kind) {
      case 'snapshot':
        return choice.of.get(name)!.members.find(({ device }) => device === parameter.device)!.snapshot;
      case 'image': {
        const { image, instance, takenAt } = choice.of.get(name)!;
        if (image!.takenAt < takenAt) warnings.add(`the image of ${instance} is of ${image!.takenAt}, its volumes are of ${takenAt}`);
        return image!.image;
      }
      case 'artifact-bucket':
        return offer.bucket;
      case 'artifact-key':
        artifact(parameter.bucket, parameter.key);
        return offer.artifactKey(parameter.bucket, parameter.key);
      case 'artifact-version':
        return artifact(parameter.bucket, parameter.key).version;
      case 'instance-type':
      case 'availability-zone':
        return pick(parameter.kind, parameter.candidates);
      case 'value':
        return parameter.value;
    }
  }

  function artifact(bucket: string, key: string): ArtifactInventory['objects'][number] {
    const owners = plans.filter(({ artifacts }) => artifacts.includes(bucket)).map(({ plan }) => plan);
    const inventory = owners.map((plan) => offer.inventories.get(plan)).find((each) => each !== undefined);
    if (inventory === undefined) throw new RestoreRefused(`no inventory of the artifacts in '${bucket}'`);
    const found = inventory.objects.find((object) => object.bucket === bucket && object.key === key);
    const ofBucket = inventory.objects.filter((object) => object.bucket === bucket).length;
    if (found === undefined) throw new RestoreRefused(`'${key}' is not among the ${ofBucket} artifacts of '${bucket}' of ${inventory.at}`);
    if (inventory.pending > 0) warnings.add(`${inventory.pending} artifacts were missing or outdated at ${inventory.at}`);
    return found;
  }
}

function declarationProblems(parameters: Parameters, declared: Offer['declared']): string[] {
  const names = Object.keys(declared).sort();
  const unknown = Object.keys(parameters).filter((name) => declared[name] === undefined)
    .map((name) => `parameter '${name}': the template does not declare it; it declares ${names.join(', ') || 'none'}`);
  const missing = names.filter((name) => !declared[name].hasDefault && parameters[name] === undefined)
    .map((name) => `parameter '${name}': the template declares it without default, and the restore has no value for it`);
  // A value of the settings stands in the function's environment and in the evidence: no place for what NoEcho hides.
  const secret = Object.entries(parameters).filter(([name, { kind }]) => declared[name]?.noEcho && kind === 'value')
    .map(([name]) => `parameter '${name}': it is NoEcho and gets no fixed value; let the template resolve it from Secrets Manager, or give it a default`);
  return [...unknown, ...missing, ...secret];
}

/**
 * Candidates by attempt: all zones for the first types, then for the next ones. Parameters of a kind move together, since a
 * volume must be in its instance's zone; one with fewer candidates stays at its last.
 */
function picker(parameters: Parameters, { offered, attempt }: Offer): (kind: 'instance-type' | 'availability-zone', candidates: readonly string[]) => string {
  const there = (candidates: readonly string[]) => candidates.filter((candidate) => offered.has(candidate));
  const rounds = (wanted: RestoreParameter['kind']) => Math.max(1, ...Object.values(parameters).map((parameter) => (
    parameter.kind === wanted && 'candidates' in parameter ? there(parameter.candidates).length : 0)));
  const zones = rounds('availability-zone');
  const all = zones * rounds('instance-type');
  return (kind, candidates) => {
    const possible = there(candidates);
    if (possible.length === 0) throw new RestoreRefused(`this Region offers none of ${candidates.join(', ')}`);
    if (attempt >= all) throw new RestoreRefused(`no capacity: all ${all} candidates were tried`);
    const turn = kind === 'availability-zone' ? attempt % zones : Math.floor(attempt / zones);
    return possible[Math.min(turn, possible.length - 1)];
  };
}

/** What of `plan` or `name` a parameter asks for. */
function restriction(plan: string | undefined, name: string | undefined): string {
  return `${name === undefined ? '' : ` of instance '${name}'`}${plan === undefined ? '' : ` in plan '${plan}'`}`;
}

const LISTED = 20;

function listOf(points: readonly RecoveryPoint[]): string {
  if (points.length === 0) return 'none';
  const more = points.length > LISTED ? ` and ${points.length - LISTED} more` : '';
  return points.slice(0, LISTED).map(({ plan, name, set, members, image }) => (
    `${name === undefined ? '' : `'${name}' `}${set} of plan '${plan}' (${[...members.map(({ device }) => device), ...(image ? ['image'] : [])].join(', ')})`)).join('; ') + more;
}

function refuseFor(problems: readonly string[]): void {
  if (problems.length > 0) throw new RestoreRefused(problems.join('; '));
}
