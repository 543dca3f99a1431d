import type { Ec2Model } from './model';
import type { Landscape } from '../../iam/requests';

/** What IAM has to know of the model's resources, by their ARNs. */
export function ec2Facts(model: Ec2Model): Required<Pick<Landscape, 'keyOf' | 'ownerOf' | 'tagsOf' | 'volumesOf'>> {
  const parts = (arn: string) => {
    const [, partition, service, region, account, resource = ''] = arn.split(':');
    const [kind, id] = resource.split('/');
    return { partition, service, region, account, kind, id };
  };
  const instances = (arn: string) => model.instances(parts(arn));
  const volumes = (arn: string) => instances(arn).flatMap((instance) => instance.volumes);
  const image = (arn: string) => model.anyImage(parts(arn).id);
  const stored = (arn: string) => parts(arn).kind === 'image' ? image(arn) : model.find(parts(arn).id);
  return {
    tagsOf: (arn) => {
      const { id, kind, service } = parts(arn);
      if (service !== 'ec2') return {};
      switch (kind) {
        case 'instance': return instances(arn).find((instance) => instance.id === id)?.tags ?? {};
        case 'volume': return volumes(arn).find((volume) => volume.id === id)?.tags ?? {};
        default: return stored(arn)?.tags ?? {};
      }
    },
    volumesOf: (arn) => {
      const { account, id, partition, region } = parts(arn);
      const instance = instances(arn).find((candidate) => candidate.id === id);
      return instance?.volumes.map((volume) => `arn:${partition}:ec2:${region}:${account}:volume/${volume.id}`) ?? [];
    },
    ownerOf: (arn) => ['snapshot', 'image'].includes(parts(arn).kind) ? stored(arn)?.account : undefined,
    keyOf: (arn) => {
      const { id, kind, service } = parts(arn);
      if (service !== 'ec2') return undefined;
      return kind === 'image' ? image(arn)?.devices.map(({ snapshot }) => model.find(snapshot)?.key).find((key) => key !== undefined) : model.find(id)?.key;
    },
  };
}
