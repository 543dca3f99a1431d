import { autoScalingService } from './auto-scaling';
import { FakeCloudFormation, type FakeCloudFormationOptions } from './cloudformation';
import type { Ec2Model } from './ec2';
import { ec2Service } from './ec2/server';
import { FakeKms } from './kms';
import { quotasService } from './quotas';
import { FakeSsm, type FakeSsmOptions } from './ssm';
import type { FakeService } from '../proxy/fake-service';

export interface DisasterRecoveryOptions extends Pick<FakeCloudFormationOptions, 'readTemplate' | 'hasCapacity' | 'undeletable' | 'instanceTypes'> {
  readonly model: Ec2Model;
  /** The time outside, to which the model's clock is brought before each call; absent: somebody else moves it. */
  readonly now?: () => number;
  /** Account of a caller. @default the one in its ARN, else 123456789012 */
  readonly accountOf?: (principal: string) => string;
  /** Documents of Systems Manager and what runs them. @default none */
  readonly ssm?: Pick<FakeSsmOptions, 'documents' | 'run' | 'manages' | 'settleMs'>;
}

/** The services that disaster recovery rests on, around one model: what the truth proxy takes in place of an emulator. */
export class DisasterRecoveryFakes {
  public readonly cloudFormation: FakeCloudFormation;
  public readonly kms: FakeKms;
  public readonly ssm: FakeSsm;
  /** By signing name. */
  public readonly services: Readonly<Record<string, FakeService>>;

  constructor(options: DisasterRecoveryOptions) {
    const { accountOf = accountIn, instanceTypes, model, now, ssm = { documents: [], run: async () => 'lost' } } = options;
    this.cloudFormation = new FakeCloudFormation({ ...options, accountOf });
    this.kms = new FakeKms((arn) => model.key(arn));
    this.ssm = new FakeSsm({ ...ssm, now: () => model.clock.now() });
    const services: Record<string, FakeService> = {
      autoscaling: autoScalingService(model, accountOf),
      cloudformation: this.cloudFormation.service,
      ec2: ec2Service({ model, accountOf, instanceTypes }),
      kms: this.kms.service,
      servicequotas: quotasService([
        { code: 'L-KIT00001', name: 'Snapshots per Region', value: () => 100_000 },
        { code: 'L-KIT00002', name: 'Concurrent snapshots per General Purpose SSD (gp3) volume', value: () => 5 },
        { code: 'L-KIT00003', name: 'Concurrent snapshot copies per destination Region', value: (region) => model.copyLimit(region) },
      ]),
      ssm: this.ssm.service,
    };
    this.services = Object.fromEntries(Object.entries(services).map(([name, service]) => [name, (call, principal) => {
      if (now) model.clock.advanceTo(now());
      return service(call, principal);
    }]));
  }
}

function accountIn(principal: string): string {
  return /^arn:[^:]+:iam::(\d{12}):/.exec(principal)?.[1] ?? '123456789012';
}
