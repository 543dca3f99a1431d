import * as s3 from 'aws-cdk-lib/aws-s3';

/** Where a template is copied from, by the site's sync function. */
export interface TemplateOrigin {
  readonly bucket: s3.IBucket;
  readonly key: string;
  /** What the template says of its parameters; undefined if that is not known at synth. */
  readonly parameters?: Readonly<Record<string, { readonly hasDefault: boolean; readonly noEcho: boolean }>>;
}
