/** Whoever visits the site: a browser, or where none is installed a plain client that follows redirects and keeps cookies. */
import { type Answer, ask } from '../../../test/kit/njs/nginx-client';

export interface Trip {
  readonly url: string;
  /** Headers besides those a browser sends; CloudFront's own, too, which nobody else can add here. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Hop {
  readonly status: number;
  readonly location: string;
}

export interface Visit {
  /** Where it ended. */
  readonly url: string;
  readonly hops: readonly Hop[];
  readonly status: number;
  /** Of the last response, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly title: string;
  /** What is there to read. */
  readonly text: string;
  /** Names and values of all cookies of the site. */
  readonly cookies: Readonly<Record<string, string>>;
  /** PNG; a plain client has none. */
  readonly screenshot?: Buffer;
}

/** Visits share cookies. */
export interface Visitor {
  visit(trip: Trip): Promise<Visit>;
  leave(): Promise<void>;
}

export interface Visitors {
  /** What the table says of them. */
  readonly name: string;
  /** Somebody without cookies. */
  arrive(): Promise<Visitor>;
  stop(): Promise<void>;
}

const MOST_HOPS = 10;

export const PLAIN_VISITORS: Visitors = {
  name: 'plain HTTP, no browser installed',
  arrive: async () => new PlainVisitor(),
  stop: async () => {},
};

class PlainVisitor implements Visitor {
  private readonly cookies = new Map<string, string>();

  public async visit(trip: Trip): Promise<Visit> {
    const hops: Hop[] = [];
    let url = new URL(trip.url);
    for (;;) {
      const answer = await this.ask(url, trip.headers);
      const { location } = answer.headers;
      if (location === undefined || hops.length === MOST_HOPS) {
        return this.visitOf(url, hops, answer);
      }
      hops.push({ status: answer.status, location });
      url = new URL(location, url);
    }
  }

  public async leave(): Promise<void> {
    this.cookies.clear();
  }

  private async ask({ origin, pathname, search }: URL, headers: Trip['headers']): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await ask(origin, { path: pathname + search, headers: { ...headers, ...cookie === '' ? {} : { cookie } } });
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      this.cookies.set(name, value);
    }
    return answer;
  }

  private visitOf(url: URL, hops: readonly Hop[], { status, headers, body }: Answer): Visit {
    const [, title = ''] = /<title>(.*?)<\/title>/.exec(body) ?? [];
    return {
      url: url.href,
      hops,
      status,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      title: title.replaceAll('&amp;', '&'),
      text: body.replace(/<title>.*<\/title>/, '').replace(/<[^>]*>/g, ' ').replaceAll('&amp;', '&').trim(),
      cookies: Object.fromEntries(this.cookies),
    };
  }
}
