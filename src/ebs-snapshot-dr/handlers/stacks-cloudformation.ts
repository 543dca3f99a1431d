import {
  type Capability, type CloudFormationClient, CreateChangeSetCommand, DeleteStackCommand, DescribeChangeSetCommand,
  type DescribeChangeSetCommandOutput, DescribeStackEventsCommand, DescribeStacksCommand, ExecuteChangeSetCommand, GetTemplateSummaryCommand,
  ListStackResourcesCommand, type StackEvent,
} from '@aws-sdk/client-cloudformation';
import type { Clock, Millis, StackChange, Stacks } from './ports';
import { RestoreRefused } from './refusal';
import { codeOf } from './run';
import { stateOf } from './stack-state';
import type { Deadline } from '../../handler-kit/deadline';
import { paginate } from '../../handler-kit/paginate';

const POLL_MS = 1000;
/** What CloudFormation will not take, however often it is asked. */
const REFUSALS = /^(ValidationError|ValidationException|InsufficientCapabilities(Exception)?|LimitExceeded(Exception)?)$/;
/** Answers to a change set that was executed before. */
const EXECUTED = /^(ChangeSetNotFound|InvalidChangeSetStatus)(Exception)?$/;

export interface CloudFormationOptions {
  /** Role that creates and deletes the resources. */
  readonly roleArn: string;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly deadline: Pick<Deadline, 'check'>;
}

export class CloudFormationStacks implements Stacks {
  constructor(private readonly cloudFormation: Pick<CloudFormationClient, 'send'>, private readonly options: CloudFormationOptions) {}

  public async createChangeSet(
    { stack, changeSet, templateUrl, parameters, capabilities, tags }: Parameters<Stacks['createChangeSet']>[0],
  ): ReturnType<Stacks['createChangeSet']> {
    try {
      await refusing(this.cloudFormation.send(new CreateChangeSetCommand({
        StackName: stack,
        ChangeSetName: changeSet,
        ChangeSetType: 'CREATE',
        ClientToken: changeSet,
        TemplateURL: templateUrl,
        Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue })),
        Capabilities: capabilities as Capability[],
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        RoleARN: this.options.roleArn,
      })));
    } catch (error) {
      if (!/^AlreadyExists(Exception)?$/.test(codeOf(error))) throw error;
    }
    return this.whenCreated(stack, changeSet);
  }

  private async whenCreated(stack: string, changeSet: string): ReturnType<Stacks['createChangeSet']> {
    for (;;) {
      const found = await this.cloudFormation.send(new DescribeChangeSetCommand({ StackName: stack, ChangeSetName: changeSet }));
      const { Status: status, StatusReason: reason = 'no reason given' } = found;
      if (status === 'CREATE_COMPLETE') return { stack: found.StackId!, changeSet: found.ChangeSetId!, changes: await this.changesOf(stack, changeSet, found) };
      if (status !== 'CREATE_PENDING' && status !== 'CREATE_IN_PROGRESS') throw new RestoreRefused(`no change set of stack '${stack}' (${status}): ${reason}`);
      this.options.deadline.check('wait for the change set');
      await this.options.clock.sleep(POLL_MS);
    }
  }

  private async changesOf(stack: string, changeSet: string, first: DescribeChangeSetCommandOutput): Promise<readonly StackChange[]> {
    const pages = paginate(
      async (NextToken) => NextToken === undefined
        ? first
        : this.cloudFormation.send(new DescribeChangeSetCommand({ StackName: stack, ChangeSetName: changeSet, NextToken })),
      ({ Changes: changes = [], NextToken: next }) => ({ items: changes, next }),
    );
    const changes: StackChange[] = [];
    for await (const { ResourceChange: change } of pages) {
      if (change !== undefined) changes.push({ action: change.Action!, logicalId: change.LogicalResourceId!, type: change.ResourceType! });
    }
    return changes;
  }

  public async executeChangeSet(stack: string, changeSet: string): Promise<void> {
    try {
      await this.cloudFormation.send(new ExecuteChangeSetCommand({ StackName: stack, ChangeSetName: changeSet, ClientRequestToken: changeSet }));
    } catch (error) {
      if (!EXECUTED.test(codeOf(error))) throw error;
      const state = stateOf((await this.describe(stack))?.status);
      if (state === 'gone' || state === 'reviewable') throw new RestoreRefused(`the change set of stack '${stack}' cannot be executed: ${(error as Error).message}`);
    }
  }

  public async describe(stack: string): ReturnType<Stacks['describe']> {
    const answer = await unlessMissing(this.cloudFormation.send(new DescribeStacksCommand({ StackName: stack })));
    const found = answer?.Stacks?.[0];
    return found && {
      status: found.StackStatus!,
      ...found.StackStatusReason !== undefined && { reason: found.StackStatusReason },
      outputs: Object.fromEntries((found.Outputs ?? []).map(({ OutputKey: key, OutputValue: value }) => [key!, value!])),
    };
  }

  public async lastEventAt(stack: string): Promise<Millis> {
    const { StackEvents: [newest] = [] } = await this.cloudFormation.send(new DescribeStackEventsCommand({ StackName: stack }));
    return newest.Timestamp!.getTime();
  }

  public async failures(stack: string): ReturnType<Stacks['failures']> {
    const events: StackEvent[] = [];
    const pages = paginate(
      (token) => this.cloudFormation.send(new DescribeStackEventsCommand({ StackName: stack, NextToken: token })),
      ({ StackEvents: items = [], NextToken: next }) => ({ items, next }),
    );
    for await (const event of pages) events.push(event);
    return events
      .filter(({ ResourceStatus: status = '', ResourceStatusReason: reason = '' }) => status.endsWith('_FAILED') && !/creation cancelled/i.test(reason))
      .map(({ LogicalResourceId: logicalId, ResourceStatusReason: reason }) => ({ logicalId: logicalId!, reason: reason ?? 'no reason given' }));
  }

  public async resources(stack: string): ReturnType<Stacks['resources']> {
    const found: Array<{ readonly logicalId: string; readonly type: string; readonly status: string }> = [];
    const pages = paginate(
      (token) => unlessMissing(this.cloudFormation.send(new ListStackResourcesCommand({ StackName: stack, NextToken: token }))),
      (page) => ({ items: page?.StackResourceSummaries ?? [], next: page?.NextToken }),
    );
    for await (const { LogicalResourceId: id, ResourceType: type, ResourceStatus: status } of pages) {
      found.push({ logicalId: id!, type: type!, status: status! });
    }
    return found;
  }

  public async deleteStack(stack: string): Promise<void> {
    await this.cloudFormation.send(new DeleteStackCommand({ StackName: stack }));
  }

  public async templateParameters(templateUrl: string): ReturnType<Stacks['templateParameters']> {
    const { Parameters: parameters = [] } = await refusing(this.cloudFormation.send(new GetTemplateSummaryCommand({ TemplateURL: templateUrl })));
    return Object.fromEntries(parameters.map(({ ParameterKey: name, DefaultValue: byDefault, NoEcho: noEcho }) => (
      [name!, { hasDefault: byDefault !== undefined, noEcho: noEcho ?? false }])));
  }
}

async function refusing<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw REFUSALS.test(codeOf(error)) ? new RestoreRefused(`CloudFormation refuses: ${(error as Error).message}`) : error;
  }
}

/** CloudFormation has no code of its own for it. */
async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (codeOf(error) === 'ValidationError' && /does not exist/.test((error as Error).message)) return undefined;
    throw error;
  }
}
