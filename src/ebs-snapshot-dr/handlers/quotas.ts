import { ListServiceQuotasCommand, type ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import type { Log, Quotas } from './ports';
import { codeOf } from './run';
import { paginate } from '../../handler-kit/paginate';

/** "Quotas for Amazon EBS", EBS user guide. Codes of quotas are not documented, names are. */
const SERVICE = 'ebs';
const NAME = /^concurrent snapshot copies per destination region/i;
const DEFAULT = 20;

/** What Service Quotas says; if it does not, the default, since EC2 itself refuses what is too much. */
export class ServiceQuotas implements Quotas {
  constructor(private readonly client: Pick<ServiceQuotasClient, 'send'>, private readonly log: Log) {}

  public async concurrentSnapshotCopies(): Promise<number> {
    try {
      for await (const { QuotaName: name = '', Value: value } of paginate(
        (token) => this.client.send(new ListServiceQuotasCommand({ ServiceCode: SERVICE, MaxResults: 100, NextToken: token })),
        ({ Quotas: quotas = [], NextToken: next }) => ({ items: quotas, next }),
      )) {
        if (NAME.test(name) && value !== undefined) return value;
      }
      this.log.warn('no quota of concurrent snapshot copies', { default: DEFAULT });
    } catch (error) {
      this.log.warn('quotas not read', { code: codeOf(error), default: DEFAULT });
    }
    return DEFAULT;
  }
}
