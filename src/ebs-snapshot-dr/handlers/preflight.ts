import { DescribeAvailabilityZonesCommand, DescribeInstanceTypeOfferingsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { Log, Preflight } from './ports';
import { codeOf } from './run';
import { isAccessDenied } from '../../handler-kit/conditional';
import { paginate } from '../../handler-kit/paginate';

export class RegionPreflight implements Preflight {
  constructor(private readonly ec2: Pick<EC2Client, 'send'>, private readonly kms: Pick<KMSClient, 'send'>, private readonly log: Log) {}

  public async keyUsable(key: string): Promise<boolean> {
    try {
      const { KeyMetadata: found } = await this.kms.send(new DescribeKeyCommand({ KeyId: key }));
      return found?.KeyState === 'Enabled';
    } catch (error) {
      if (codeOf(error) === 'NotFoundException') return false;
      if (!isAccessDenied(error)) throw error;
      // The key is somebody else's: the stack will tell.
      this.log.warn('a key cannot be looked at', { key });
      return true;
    }
  }

  public async instanceTypes(candidates: readonly string[]): Promise<readonly string[]> {
    const offered = new Set<string>();
    const pages = paginate(
      (token) => this.ec2.send(new DescribeInstanceTypeOfferingsCommand({
        LocationType: 'region', Filters: [{ Name: 'instance-type', Values: [...candidates] }], NextToken: token,
      })),
      ({ InstanceTypeOfferings: items = [], NextToken: next }) => ({ items, next }),
    );
    for await (const { InstanceType: type } of pages) offered.add(type!);
    return candidates.filter((candidate) => offered.has(candidate));
  }

  public async availabilityZones(candidates: readonly string[]): Promise<readonly string[]> {
    const { AvailabilityZones: zones = [] } = await this.ec2.send(new DescribeAvailabilityZonesCommand({
      Filters: [{ Name: 'zone-name', Values: [...candidates] }, { Name: 'state', Values: ['available'] }],
    }));
    const there = new Set(zones.map(({ ZoneName: name }) => name));
    return candidates.filter((candidate) => there.has(candidate));
  }
}
