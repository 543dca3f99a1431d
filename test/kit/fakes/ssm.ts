import { hash32 } from '../faults';
import { jsonService, Refusal, type FakeService } from '../proxy/fake-service';

/** A command on its way to an instance. */
export interface SsmCommand {
  readonly id: string;
  readonly instance: string;
  readonly document: string;
  readonly parameters: Readonly<Record<string, readonly string[]>>;
}

/** What the document's script did there. */
export interface SsmResult {
  readonly exitCode: number;
  readonly output?: string;
}

export interface FakeSsmOptions {
  readonly now: () => number;
  readonly documents: readonly string[];
  /** Runs the document on the instance. 'lost': the agent never fetches the command. */
  readonly run: (command: SsmCommand) => Promise<SsmResult | 'lost'>;
  /** Whether the instance has an agent that answers to Systems Manager. @default all have */
  readonly manages?: (instance: string) => boolean;
  /** Milliseconds for which GetCommandInvocation does not know a new command. @default 0 */
  readonly settleMs?: number;
}

interface Invocation {
  readonly command: SsmCommand;
  readonly at: number;
  readonly deliverBy: number;
  status: 'Pending' | 'InProgress' | 'Success' | 'Failed' | 'Cancelled';
  result?: SsmResult;
}

/** Systems Manager's commands: they run the document's real text through a hook. */
export class FakeSsm {
  /** Commands in the order of their sending. */
  public readonly commands: SsmCommand[] = [];
  private readonly invocations = new Map<string, Invocation>();

  public readonly service: FakeService = jsonService({
    SendCommand: ({ DocumentName, InstanceIds = [] as never, Parameters = {} as never, TimeoutSeconds = 3600 as never }) => {
      const { documents, manages = () => true, now } = this.options;
      if (!documents.includes(DocumentName)) throw new Refusal('InvalidDocument', `Document ${String(DocumentName)} does not exist`);
      if (Number(TimeoutSeconds) < 30) throw new Refusal('ValidationException', 'Value at \'timeoutSeconds\' failed to satisfy constraint: Member must have value greater than or equal to 30');
      const instances: readonly string[] = InstanceIds;
      const unmanaged = instances.find((instance) => !manages(instance));
      if (unmanaged !== undefined || instances.length === 0) throw new Refusal('InvalidInstanceId', `Instances [[${unmanaged ?? ''}]] not in a valid state for account`);
      const id = uuid(this.commands.length);
      for (const instance of instances) {
        const command = { id, instance, document: DocumentName, parameters: Parameters };
        this.commands.push(command);
        const invocation: Invocation = { command, at: now(), deliverBy: now() + Number(TimeoutSeconds) * 1000, status: 'Pending' };
        this.invocations.set(`${id} ${instance}`, invocation);
        void this.deliver(invocation);
      }
      return { Command: { CommandId: id, DocumentName, InstanceIds, Parameters, Status: 'Pending', RequestedDateTime: now() / 1000 } };
    },
    GetCommandInvocation: ({ CommandId, InstanceId }) => {
      const { now, settleMs = 0 } = this.options;
      const invocation = this.invocations.get(`${String(CommandId)} ${String(InstanceId)}`);
      if (!invocation || now() < invocation.at + settleMs) throw new Refusal('InvocationDoesNotExist', '');
      const { command, deliverBy, result } = invocation;
      // A command that nobody fetched is given up by Systems Manager itself.
      const status = invocation.status === 'Pending' && now() >= deliverBy ? 'TimedOut' : invocation.status;
      return {
        CommandId,
        InstanceId,
        DocumentName: command.document,
        Status: status,
        StatusDetails: status === 'TimedOut' ? 'DeliveryTimedOut' : status,
        ResponseCode: result?.exitCode ?? -1,
        StandardOutputContent: result?.output ?? '',
        StandardErrorContent: '',
      };
    },
    CancelCommand: ({ CommandId }) => {
      for (const invocation of this.invocations.values()) {
        if (invocation.command.id === CommandId && invocation.status === 'Pending') invocation.status = 'Cancelled';
      }
    },
  });

  constructor(private readonly options: FakeSsmOptions) {}

  private async deliver(invocation: Invocation): Promise<void> {
    const running = this.options.run(invocation.command);
    const result = await running.catch((): SsmResult => ({ exitCode: 1 }));
    if (result === 'lost' || invocation.status === 'Cancelled') return;
    invocation.result = result;
    invocation.status = result.exitCode === 0 ? 'Success' : 'Failed';
  }
}

function uuid(n: number): string {
  const hex = [0, 1, 2, 3].map((part) => hash32('command', n, part).toString(16).padStart(8, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
