import type { Context } from 'aws-lambda';
import { Ec2Connection, SdkEc2 } from './ec2-client';
import type { Ec2 } from './ports';
import type { Run } from './run';
import { Shell } from './shell';

/** The shell of a function that asks EC2, here or elsewhere. */
export class Ec2Shell extends Shell {
  private readonly connections = new Map<string, Ec2Connection>();

  public override run<T>(context: Context, work: (run: Run, ec2: (where?: string | Ec2Connection) => Ec2) => Promise<T>): Promise<T> {
    return super.run(context, (run) => (
      work(run, (where = this.region) => new SdkEc2(typeof where === 'string' ? this.connection(where) : where, run))));
  }

  private connection(region: string): Ec2Connection {
    const connection = this.connections.get(region) ?? new Ec2Connection(region);
    this.connections.set(region, connection);
    return connection;
  }
}
