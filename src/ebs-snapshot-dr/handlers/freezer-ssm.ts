import { randomUUID } from 'node:crypto';
import { GetCommandInvocationCommand, SendCommandCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { Clock, Freezer, Millis } from './ports';
import { codeOf } from './run';
import { FREEZE_PARAMETER, type FreezeSettings } from '../contract';

/** Seconds in which the agent must fetch a command; the least there is (SendCommand API). */
const DELIVERY_SECONDS = 30;
const POLL_MS = 500;
const UNDER_WAY = new Set<string | undefined>(['Pending', 'InProgress', 'Delayed']);

export class FreezeFailed extends Error {
  public override readonly name = 'FreezeFailed';
}

/** File systems of instances, by a document of Systems Manager. */
export class SsmFreezer implements Freezer {
  constructor(
    private readonly settings: FreezeSettings,
    private readonly ssm: Pick<SSMClient, 'send'>,
    private readonly clock: Clock,
  ) {}

  /**
   * The watchdog's time begins on the instance, after the command was sent: counted from here it ends too early, never too
   * late. No clock but ours is trusted.
   */
  public async freeze(instance: string): Promise<{ readonly from: Millis; readonly until: Millis; readonly command: string }> {
    const id = randomUUID();
    const until = this.clock.now() + this.settings.maxFrozenSeconds * 1000;
    const command = await this.send(instance, 'freeze', id);
    while (this.clock.now() < until) {
      await this.clock.sleep(POLL_MS);
      const status = await this.statusOf(instance, command);
      const from = this.clock.now();
      if (status === 'Success' && from < until) return { from, until, command: id };
      if (!UNDER_WAY.has(status)) throw new FreezeFailed(`the command ended as ${status}`);
    }
    await this.thaw(instance, id);
    throw new FreezeFailed(`not frozen within ${this.settings.maxFrozenSeconds} seconds`);
  }

  public async thaw(instance: string, command: string): Promise<void> {
    await this.send(instance, 'thaw', command);
  }

  private async send(instance: string, action: 'freeze' | 'thaw', id: string): Promise<string> {
    const { document, paths, maxFrozenSeconds } = this.settings;
    const { Command: command } = await this.ssm.send(new SendCommandCommand({
      DocumentName: document,
      InstanceIds: [instance],
      TimeoutSeconds: DELIVERY_SECONDS,
      Parameters: {
        [FREEZE_PARAMETER.action]: [action],
        [FREEZE_PARAMETER.id]: [id],
        [FREEZE_PARAMETER.paths]: [paths.join(':')],
        [FREEZE_PARAMETER.maxFrozenSeconds]: [`${maxFrozenSeconds}`],
      },
    }));
    return command!.CommandId!;
  }

  private async statusOf(instance: string, command: string): Promise<string | undefined> {
    try {
      const { Status: status } = await this.ssm.send(new GetCommandInvocationCommand({ CommandId: command, InstanceId: instance }));
      return status;
    } catch (error) {
      // Systems Manager does not know its own command for a moment.
      if (codeOf(error) === 'InvocationDoesNotExist') return 'Pending';
      throw error;
    }
  }
}
