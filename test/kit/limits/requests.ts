import { KIB, MIB, type Limit } from './limit';

/** Services of which only the size of one request or one field matters: `<signing name>:<Operation>`. */
export interface RequestLimit extends Limit {
  /** Field of the body that is measured; absent: the whole request. */
  readonly field?: string;
  readonly status: number;
  readonly code: string;
}

const RDS_DATA = 'https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_BatchExecuteStatement.html';
const CLOUDFORMATION = 'https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html';
const STATES = 'https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html';
const METRICS = 'https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html';

export const REQUEST_LIMITS: Readonly<Record<string, RequestLimit>> = {
  'rds-data:ExecuteStatement': { value: 4 * MIB, unit: 'bytes of the request', status: 400, code: 'BadRequestException', source: RDS_DATA },
  'rds-data:BatchExecuteStatement': { value: 4 * MIB, unit: 'bytes of the request', status: 400, code: 'BadRequestException', source: RDS_DATA },
  'cloudformation:CreateStack': { value: 51_200, unit: 'bytes of the template', field: 'TemplateBody', status: 400, code: 'ValidationError', source: CLOUDFORMATION },
  'cloudformation:UpdateStack': { value: 51_200, unit: 'bytes of the template', field: 'TemplateBody', status: 400, code: 'ValidationError', source: CLOUDFORMATION },
  'cloudformation:CreateChangeSet': { value: 51_200, unit: 'bytes of the template', field: 'TemplateBody', status: 400, code: 'ValidationError', source: CLOUDFORMATION },
  'states:StartExecution': { value: 256 * KIB, unit: 'bytes of the input', field: 'input', status: 400, code: 'InvalidExecutionInput', source: STATES },
  'states:StartSyncExecution': { value: 256 * KIB, unit: 'bytes of the input', field: 'input', status: 400, code: 'InvalidExecutionInput', source: STATES },
  'monitoring:PutMetricData': { value: MIB, unit: 'bytes of the request', status: 413, code: 'RequestEntityTooLarge', source: METRICS },
};
