import type { Millis, StackChange, Stacks, Tags } from '../../src/ebs-snapshot-dr/handlers/ports';
import { RestoreRefused } from '../../src/ebs-snapshot-dr/handlers/refusal';
import type { Line, VirtualClock } from '../kit/fakes/ec2';

/** What comes of creating a stack with some parameters. */
export type Outcome =
  | { readonly kind: 'up' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'hangs' };

/** What deleting a stack leaves. */
export type Teardown = 'clean' | 'retains' | 'fails' | 'fails-once';

interface ChangeSet {
  readonly id: string;
  readonly parameters: Readonly<Record<string, string>>;
  executed: boolean;
}

export interface StackRecord {
  readonly id: string;
  readonly name: string;
  status: string;
  parameters: Readonly<Record<string, string>>;
  readonly changeSets: Map<string, ChangeSet>;
  readonly failures: Array<{ readonly logicalId: string; readonly reason: string }>;
  resources: Array<{ readonly logicalId: string; readonly type: string; readonly status: string }>;
  lastEventAt: Millis;
  deletions: number;
  readonly templateUrl: string;
  readonly tags: Tags;
}

export interface StackModelOptions {
  readonly declared?: Readonly<Record<string, { readonly hasDefault: boolean; readonly noEcho: boolean }>>;
  readonly outcome?: (parameters: Readonly<Record<string, string>>) => Outcome;
  readonly teardown?: Teardown;
  /** Why no change set is taken. */
  readonly refusal?: () => string | undefined;
}

export const CREATION_MS = 4 * 60_000;
const DELETION_MS = 60_000;
export const OUTPUTS = { Url: 'http://198.51.100.7/' };

/** CloudFormation of one Region, as far as stacks go that are created and deleted. */
export class StackModel {
  /** Deleted ones included, oldest first. */
  public readonly stacks: StackRecord[] = [];
  private ids = 0;

  constructor(private readonly clock: VirtualClock, public options: StackModelOptions = {}) {}

  public get there(): StackRecord[] {
    return this.stacks.filter(({ status }) => status !== 'DELETE_COMPLETE');
  }

  public find(stack: string): StackRecord | undefined {
    return this.stacks.find(({ id }) => id === stack) ?? this.there.find(({ name }) => name === stack);
  }

  public create({ stack: name, changeSet, parameters, tags, templateUrl }: Parameters<Stacks['createChangeSet']>[0]): { stack: string; changeSet: string; changes: StackChange[] } {
    const reason = this.options.refusal?.();
    if (reason !== undefined) throw new RestoreRefused(reason);
    const stack = this.find(name) ?? this.add(name, templateUrl, tags);
    const before = stack.changeSets.get(changeSet);
    if (before === undefined) {
      if (stack.status !== 'REVIEW_IN_PROGRESS') throw new RestoreRefused(`Stack [${name}] already exists and cannot be created again with the changeSet [${changeSet}]`);
      stack.changeSets.set(changeSet, { id: `arn:aws:cloudformation:us-west-2:111122223333:changeSet/${changeSet}/${++this.ids}`, parameters, executed: false });
    } else {
      expect(before.parameters).toEqual(parameters);
    }
    return { stack: stack.id, changeSet: stack.changeSets.get(changeSet)!.id, changes: [{ action: 'Add', logicalId: 'Server', type: 'AWS::EC2::Instance' }] };
  }

  public execute(id: string, name: string): void {
    const stack = this.find(id);
    const changeSet = stack?.changeSets.get(name);
    if (stack === undefined || changeSet === undefined) throw new RestoreRefused(`ChangeSet [${name}] does not exist`);
    if (changeSet.executed) return;
    for (const other of stack.changeSets.keys()) if (other !== name) stack.changeSets.delete(other);
    changeSet.executed = true;
    stack.parameters = changeSet.parameters;
    this.move(stack, 'CREATE_IN_PROGRESS');
    const outcome = this.options.outcome?.(changeSet.parameters) ?? { kind: 'up' };
    if (outcome.kind === 'hangs') return;
    this.clock.after(CREATION_MS, () => {
      if (stack.status !== 'CREATE_IN_PROGRESS') return;
      if (outcome.kind === 'failed') {
        stack.failures.push({ logicalId: 'Server', reason: outcome.reason });
        this.move(stack, 'ROLLBACK_COMPLETE');
      } else {
        stack.resources = [resource('Server', 'CREATE_COMPLETE'), resource('Data', 'CREATE_COMPLETE')];
        this.move(stack, 'CREATE_COMPLETE');
      }
    });
  }

  public delete(id: string): void {
    const stack = this.find(id);
    if (stack === undefined || stack.status === 'DELETE_COMPLETE') return;
    stack.deletions += 1;
    if (stack.status === 'REVIEW_IN_PROGRESS') {
      this.move(stack, 'DELETE_COMPLETE');
      return;
    }
    this.move(stack, 'DELETE_IN_PROGRESS');
    this.clock.after(DELETION_MS, () => {
      const { teardown = 'clean' } = this.options;
      const fails = teardown === 'fails' || (teardown === 'fails-once' && stack.deletions === 1);
      const last = fails ? 'DELETE_FAILED' : teardown === 'retains' ? 'DELETE_SKIPPED' : 'DELETE_COMPLETE';
      stack.resources = stack.resources.map((each) => resource(each.logicalId, each.logicalId === 'Data' ? last : 'DELETE_COMPLETE'));
      this.move(stack, fails ? 'DELETE_FAILED' : 'DELETE_COMPLETE');
    });
  }

  private add(name: string, templateUrl: string, tags: Tags): StackRecord {
    const stack: StackRecord = {
      id: `arn:aws:cloudformation:us-west-2:111122223333:stack/${name}/${++this.ids}`,
      name,
      status: 'REVIEW_IN_PROGRESS',
      parameters: {},
      changeSets: new Map(),
      failures: [],
      resources: [],
      lastEventAt: this.clock.now(),
      deletions: 0,
      templateUrl,
      tags,
    };
    this.stacks.push(stack);
    return stack;
  }

  private move(stack: StackRecord, status: string): void {
    stack.status = status;
    stack.lastEventAt = this.clock.now();
  }
}

function resource(logicalId: string, status: string): StackRecord['resources'][number] {
  return { logicalId, type: logicalId === 'Data' ? 'AWS::EC2::Volume' : 'AWS::EC2::Instance', status };
}

/** The model behind the port. */
export class FakeStacks implements Stacks {
  constructor(private readonly model: StackModel, private readonly line: Line) {}

  public createChangeSet(request: Parameters<Stacks['createChangeSet']>[0]): ReturnType<Stacks['createChangeSet']> {
    return this.call('CreateChangeSet', () => this.model.create(request));
  }

  public executeChangeSet(stack: string, changeSet: string): Promise<void> {
    return this.call('ExecuteChangeSet', () => this.model.execute(stack, changeSet));
  }

  public describe(stack: string): ReturnType<Stacks['describe']> {
    return this.call('DescribeStacks', () => {
      const found = this.model.find(stack);
      return found && { status: found.status, outputs: found.status === 'CREATE_COMPLETE' ? OUTPUTS : {} };
    });
  }

  public lastEventAt(stack: string): Promise<Millis> {
    return this.call('DescribeStackEvents', () => this.model.find(stack)!.lastEventAt);
  }

  public failures(stack: string): ReturnType<Stacks['failures']> {
    return this.call('DescribeStackEvents', () => this.model.find(stack)!.failures);
  }

  public resources(stack: string): ReturnType<Stacks['resources']> {
    return this.call('ListStackResources', () => this.model.find(stack)?.resources ?? []);
  }

  public deleteStack(stack: string): Promise<void> {
    return this.call('DeleteStack', () => this.model.delete(stack));
  }

  public templateParameters(_templateUrl: string): ReturnType<Stacks['templateParameters']> {
    return this.call('GetTemplateSummary', () => this.model.options.declared ?? {});
  }

  private call<T>(operation: string, apply: () => T): Promise<T> {
    return this.line.call('cloudformation', operation, 'us-west-2', apply);
  }
}
