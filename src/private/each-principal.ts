import * as iam from 'aws-cdk-lib/aws-iam';
import { DependencyGroup } from 'constructs';

/** Several grantees as one: the role of every one of them receives each statement. */
export class EachPrincipal implements iam.IPrincipal {
  public readonly grantPrincipal: iam.IPrincipal = this;
  public readonly assumeRoleAction = 'sts:AssumeRole';
  private readonly principals: readonly iam.IPrincipal[];

  constructor(grantees: readonly iam.IGrantable[]) {
    this.principals = [...new Set(grantees.map(({ grantPrincipal }) => grantPrincipal))];
  }

  public get policyFragment(): iam.PrincipalPolicyFragment {
    const arns = this.principals.flatMap((principal) => principal.policyFragment.principalJson.AWS ?? []);
    return new iam.PrincipalPolicyFragment({ AWS: arns });
  }

  public addToPolicy(statement: iam.PolicyStatement): boolean {
    return this.addToPrincipalPolicy(statement).statementAdded;
  }

  public addToPrincipalPolicy(statement: iam.PolicyStatement): iam.AddToPrincipalPolicyResult {
    const results = this.principals.map((principal) => principal.addToPrincipalPolicy(statement.copy()));
    const dependables = results.flatMap(({ policyDependable }) => policyDependable ?? []);
    return { statementAdded: results.every(({ statementAdded }) => statementAdded), policyDependable: new DependencyGroup(...dependables) };
  }
}
