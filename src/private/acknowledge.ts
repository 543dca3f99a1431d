import { Stack } from 'aws-cdk-lib';
import { IConstruct } from 'constructs';

/** The key cdk-nag 3 and CDK's validations read; a constant of aws-cdk-lib only since 2.257, above our floor. */
const ACKNOWLEDGED_RULES = 'aws:cdk:acknowledged-rules';

/** Acknowledges findings, with a reason each, on a construct and its children. Templates stay untouched. */
export function acknowledge(scope: IConstruct, reasons: Record<string, string>): void {
  scope.node.addMetadata(ACKNOWLEDGED_RULES, reasons);
}

/** Id of cdk-nag's finding on exactly this wildcard resource. */
export function wildcardResource(scope: IConstruct, arn: string): string {
  return `AwsSolutions-IAM5[Resource::${flatten(Stack.of(scope).resolve(arn))}]`;
}

/** cdk-nag's own notation: '<LogicalId.Arn>/prefix*'. */
function flatten(value: unknown): string {
  if (typeof value === 'string') return value.replace(/\$\{(.*?)\}/g, '<$1>');
  const [[intrinsic, argument]] = Object.entries(value as Record<string, unknown>);
  switch (intrinsic) {
    case 'Ref': return `<${argument as string}>`;
    case 'Fn::GetAtt': return `<${(argument as string[]).join('.')}>`;
    case 'Fn::Join': {
      const [delimiter, parts] = argument as [string, unknown[]];
      return parts.map(flatten).join(delimiter);
    }
    case 'Fn::ImportValue': return flatten(argument);
    default: return JSON.stringify(value);
  }
}
