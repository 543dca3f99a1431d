import { jsonService, Refusal, type FakeService } from '../proxy/fake-service';

export interface FakeQuota {
  readonly code: string;
  readonly name: string;
  readonly value: (region: string) => number;
}

/** Quotas of Amazon EBS, in pages of their own choosing. */
export function quotasService(quotas: readonly FakeQuota[], pageSize = 2): FakeService {
  const described = ({ code, name, value }: FakeQuota, region: string) => ({
    ServiceCode: 'ebs', ServiceName: 'Amazon Elastic Block Store (Amazon EBS)', QuotaCode: code, QuotaName: name, Value: value(region), Unit: 'None', Adjustable: true, GlobalQuota: false,
  });
  const only = (service: unknown) => {
    if (service !== 'ebs') throw new Refusal('NoSuchResourceException', `The request failed because the specified service does not exist: ${String(service)}`);
  };
  return jsonService({
    ListServiceQuotas: ({ NextToken, ServiceCode }, { region }) => {
      only(ServiceCode);
      const from = Number(NextToken ?? 0);
      const next = from + pageSize;
      return { Quotas: quotas.slice(from, next).map((quota) => described(quota, region)), ...next < quotas.length && { NextToken: String(next) } };
    },
    GetServiceQuota: ({ QuotaCode, ServiceCode }, { region }) => {
      only(ServiceCode);
      const quota = quotas.find(({ code }) => code === QuotaCode);
      if (!quota) throw new Refusal('NoSuchResourceException', 'The request failed because the specified quota does not exist.');
      return { Quota: described(quota, region) };
    },
  });
}
