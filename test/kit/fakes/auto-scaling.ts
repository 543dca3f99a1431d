import type { Ec2Model } from './ec2';
import { Refusal, refusing, type FakeService } from '../proxy/fake-service';
import { xmlFields, type XmlValue } from '../proxy/xml';

/** Auto Scaling groups and launch configurations of the model's Regions. */
export function autoScalingService(model: Ec2Model, accountOf: (principal: string) => string): FakeService {
  return refusing(({ operation, region }, principal) => {
    const uses = model.uses({ account: accountOf(principal), region });
    const fields: { readonly [name: string]: XmlValue } | undefined = operation === 'DescribeAutoScalingGroups' ? {
      AutoScalingGroups: uses.filter(({ kind }) => kind === 'auto-scaling-group').map(({ id, name }) => ({
        AutoScalingGroupName: name, AutoScalingGroupARN: id, MinSize: 0, MaxSize: 1, DesiredCapacity: 1, LaunchConfigurationName: `${name}-configuration`,
      })),
    } : operation === 'DescribeLaunchConfigurations' ? {
      LaunchConfigurations: uses.filter(({ kind }) => kind !== 'launch-template').map(({ image, kind, name }) => ({
        LaunchConfigurationName: kind === 'auto-scaling-group' ? `${name}-configuration` : name, ImageId: image, InstanceType: 't3.micro',
      })),
    } : undefined;
    if (!fields) throw new Refusal('InvalidAction', `Could not find operation ${operation}`);
    const document = `<${operation}Response xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><${operation}Result>${xmlFields(fields, 'member')}</${operation}Result>`
      + `<ResponseMetadata><RequestId>kit-0000-0000</RequestId></ResponseMetadata></${operation}Response>`;
    return { status: 200, headers: { 'content-type': 'text/xml' }, body: Buffer.from(document) };
  });
}
