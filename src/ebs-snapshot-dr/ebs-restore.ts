import { CfnCapabilities, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { RestoreParameter, RestoreSettings } from './contract';
import { DrTemplate } from './dr-template';
import { sortedEntries } from '../private/sorted-entries';
import { checkPattern } from '../private/validate';

/** Which instance's recovery point a parameter is taken from, where a site protects several. */
export interface RestoreInstanceOptions {
  /**
   * Name of the plan.
   * @default - the only one of the site
   */
  readonly planName?: string;
  /**
   * The instance's `Name` tag.
   * @default - the only instance of the plan
   */
  readonly instanceName?: string;
}

/** What a parameter of the restored stack's template is given. */
export class RestoreParam {
  /** Id of the snapshot of a volume, by its device as EC2 has it: '/dev/sdf', or 'xvdf' of Windows. */
  public static snapshot(device: string, options: RestoreInstanceOptions = {}): RestoreParam {
    checkText('instanceName', options.instanceName);
    checkPattern('device', device, /^(\/dev\/(?!nvme)[a-z0-9]+|xvd[a-z0-9]+)$/, "a device as EC2 has it, not the operating system: '/dev/sdf', or 'xvdf' of Windows");
    return new RestoreParam({ kind: 'snapshot', device, plan: options.planName, name: options.instanceName });
  }

  /** Id of the newest image of an instance. Needs `images` in its plan. */
  public static image(options: RestoreInstanceOptions = {}): RestoreParam {
    checkText('instanceName', options.instanceName);
    return new RestoreParam({ kind: 'image', plan: options.planName, name: options.instanceName });
  }

  /** Version of an artifact, as it was when the set was taken: the original bucket's name and key. */
  public static artifactVersion(bucketName: string, key: string): RestoreParam {
    checkText('key', key);
    return new RestoreParam({ kind: 'artifact-version', bucket: bucketName, key });
  }

  /** Name of the site's bucket, which artifacts are read from. */
  public static artifactBucket(): RestoreParam {
    return new RestoreParam({ kind: 'artifact-bucket' });
  }

  /** Key of an artifact in the site's bucket. */
  public static artifactKey(bucketName: string, key: string): RestoreParam {
    checkText('key', key);
    return new RestoreParam({ kind: 'artifact-key', bucket: bucketName, key });
  }

  /** The first of these instance types that the Region offers. */
  public static instanceType(...candidates: string[]): RestoreParam {
    for (const candidate of candidates) checkPattern('candidates', candidate, /^[a-z0-9-]+\.[a-z0-9-]+$/, "instance types like 'm7i.large'");
    return new RestoreParam({ kind: 'instance-type', candidates: atLeastOne(candidates) });
  }

  /** The first of these Availability Zones that is available. */
  public static availabilityZone(...candidates: string[]): RestoreParam {
    return new RestoreParam({ kind: 'availability-zone', candidates: atLeastOne(candidates) });
  }

  /** A text. It may be known only at deployment. */
  public static value(value: string): RestoreParam {
    return new RestoreParam({ kind: 'value', value });
  }

  private constructor(
    /** @internal */
    public readonly _parameter: RestoreParameter,
  ) {}
}

/** Properties of `EbsRestore.cloudFormation()`. */
export interface EbsCloudFormationRestoreProps {
  /** What the stack is made of. It must name nothing that lives in the source Region. */
  readonly template: DrTemplate;
  /**
   * What CloudFormation may create and delete in restores and drills. It must be assumable by CloudFormation, and decrypt
   * with the site's key if volumes are made of the copies.
   */
  readonly executionRole: iam.IRole;
  /**
   * Values of the template's parameters. One that is not given keeps its default.
   * @default - none
   */
  readonly parameters?: { [name: string]: RestoreParam };
  /**
   * What the template is trusted with.
   * @default - none
   */
  readonly capabilities?: CfnCapabilities[];
  /**
   * Restored stacks are called `<prefix>-restore-…`, those of drills `<prefix>-drill-…`. At most 60 characters.
   * @default - name of the site
   */
  readonly stackPrefix?: string;
}

/** How sets become running machines again. */
export class EbsRestore {
  /** By a change set of CloudFormation, which somebody reviews before it is executed, or not. Nothing of the source Region is asked. */
  public static cloudFormation(props: EbsCloudFormationRestoreProps): EbsRestore {
    return new EbsRestore(props);
  }

  private constructor(
    /** @internal */
    public readonly _props: EbsCloudFormationRestoreProps,
  ) {
    checkPattern('stackPrefix', _props.stackPrefix, /^[A-Za-z][A-Za-z0-9-]{0,59}$/, "1 to 60 letters, digits and '-', a letter first");
    for (const name of Object.keys(_props.parameters ?? {})) checkPattern('parameters', name, /^[A-Za-z0-9]{1,255}$/, 'named by letters and digits');
  }

  /** @internal */
  public get _capabilities(): RestoreSettings['capabilities'] {
    return (this._props.capabilities ?? []).filter((capability) => capability !== CfnCapabilities.NONE) as RestoreSettings['capabilities'][number][];
  }

  /** @internal */
  public get _parameters(): RestoreSettings['parameters'] {
    return Object.fromEntries(sortedEntries(this._props.parameters).map(([name, { _parameter }]) => [name, _parameter]));
  }
}

function checkText(name: string, text: string | undefined): void {
  checkPattern(name, text, /./, 'at least 1 character');
}

function atLeastOne(candidates: readonly string[]): readonly string[] {
  if (candidates.length === 0) throw new Error("'candidates' must hold at least one, got none");
  if (candidates.some((candidate) => Token.isUnresolved(candidate))) throw new Error("'candidates' must be known at synth, got a token");
  return candidates;
}
