/** Makes a missing variant when it is asked for. */
export class ImageLazyOrigin {
  /**
   * A Lambda function URL with IAM authorisation, meant as the second origin of a CloudFront origin group, behind
   * origin access control. It writes the same keys as the pipeline and answers 404 to undeclared presets.
   */
  public static functionUrl(): ImageLazyOrigin {
    return new ImageLazyOrigin();
  }

  private constructor() {}
}
