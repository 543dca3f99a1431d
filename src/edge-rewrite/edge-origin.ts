import { ProxyOrigin } from './compiler/model';
import { checkKnown } from './known';

/** An origin other than the behaviour's own. */
export class EdgeOrigin {
  /** An origin of the distribution, by its `originId`: some behaviour must use it, so that the distribution has it. */
  public static byId(originId: string): EdgeOrigin {
    checkKnown('originId', originId);
    if (!/^[\w.-]{1,128}$/.test(originId)) throw new Error(`'originId' must be 1 to 128 letters, digits, '.', '-' and '_', got '${originId}'`);
    return new EdgeOrigin({ id: originId });
  }

  /** A public host by HTTPS, also one the distribution does not list. */
  public static byHost(host: string): EdgeOrigin {
    checkKnown('host', host);
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(host)) throw new Error(`'host' must be a host name in lower case, got '${host}'`);
    return new EdgeOrigin({ host, scheme: 'https' });
  }

  private constructor(
    /** @internal */
    public readonly _origin: ProxyOrigin,
  ) {}
}
