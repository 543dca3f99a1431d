import { createLogger, createMetrics, MetricUnit } from '../../src/handler-kit/log';

/** The JSON lines that `run` writes to the standard streams. */
function written(run: () => void): Record<string, unknown>[] {
  const lines: string[] = [];
  const collect = (text: string | Uint8Array) => lines.push(String(text)) > 0;
  const spies = [process.stdout, process.stderr].map((stream) => jest.spyOn(stream, 'write').mockImplementation(collect));
  try {
    run();
  } finally {
    spies.forEach((spy) => spy.mockRestore());
  }
  return lines.map((line) => JSON.parse(line));
}

afterEach(() => {
  delete process.env.POWERTOOLS_LOGGER_LOG_EVENT;
});

describe('logger', () => {
  test('writes JSON with the service and what it was given', () => {
    expect(written(() => createLogger('images').info('variants written', { key: 'a b.jpg', count: 6 })))
      .toEqual([expect.objectContaining({ service: 'images', level: 'INFO', message: 'variants written', key: 'a b.jpg', count: 6 })]);
  });

  test('writes errors with name and message', () => {
    expect(written(() => createLogger('images').error('failed', new TypeError('bad'))))
      .toEqual([expect.objectContaining({ error: expect.objectContaining({ name: 'TypeError', message: 'bad' }) })]);
  });

  const SECRET = 'users-private-file.jpg';
  const EVENTS = {
    sqs: { Records: [{ messageId: 'm', body: SECRET }] },
    record: { messageId: 'm', body: SECRET },
    sns: { Type: 'Notification', Message: SECRET },
    eventbridge: { 'detail-type': 'Object Created', 'detail': { object: { key: SECRET } } },
    batch: { tasks: [{ s3Key: SECRET }] },
  };

  test.each(Object.entries(EVENTS))('omits the payload of an event: %s', (_name, event) => {
    const text = JSON.stringify(written(() => {
      createLogger('images').info('spread', event);
      createLogger('images').error('nested', { event });
    }));
    expect(text).not.toContain(SECRET);
    expect(text.match(/\[omitted\]/g)).toHaveLength(2);
  });

  test('omits it even when Powertools is told to log events', () => {
    process.env.POWERTOOLS_LOGGER_LOG_EVENT = 'true';
    expect(JSON.stringify(written(() => createLogger('images').logEventIfEnabled(EVENTS.sqs)))).not.toContain(SECRET);
  });

  test('a detail that is text is no event', () => {
    expect(written(() => createLogger('images').warn('refused', { detail: '16383 x 16383 pixels' })))
      .toEqual([expect.objectContaining({ detail: '16383 x 16383 pixels' })]);
  });
});

describe('metrics', () => {
  const DIMENSIONS = { Pipeline: 'Images' };

  test('have exactly the given dimensions', () => {
    const lines = written(() => {
      const metrics = createMetrics('Blueprints', DIMENSIONS);
      metrics.addMetric('Processed', MetricUnit.Count, 2);
      metrics.addMetric('Duration', MetricUnit.Milliseconds, 31);
      metrics.publishStoredMetrics();
    });
    expect(lines).toEqual([{
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [{
          Namespace: 'Blueprints',
          Dimensions: [['Pipeline']],
          Metrics: [{ Name: 'Processed', Unit: 'Count' }, { Name: 'Duration', Unit: 'Milliseconds' }],
        }],
      },
      Pipeline: 'Images',
      Processed: 2,
      Duration: 31,
    }]);
  });

  test('a single metric has them and its own, at once, and leaves the others alone', () => {
    const lines = written(() => {
      const metrics = createMetrics('Blueprints', DIMENSIONS);
      metrics.addMetric('Rejected', MetricUnit.Count, 1);
      metrics.singleMetric().addDimension('Reason', 'EMPTY_FILE').addMetric('Rejected', MetricUnit.Count, 1);
      metrics.publishStoredMetrics();
    });
    expect(lines.map(dimensionsOf)).toEqual([[['Pipeline', 'Reason']], [['Pipeline']]]);
    expect(lines.map(({ Reason }) => Reason)).toEqual(['EMPTY_FILE', undefined]);
  });

  test('are published once', () => {
    const lines = written(() => {
      const metrics = createMetrics('Blueprints', DIMENSIONS);
      metrics.addMetric('Processed', MetricUnit.Count, 1);
      metrics.publishStoredMetrics();
      metrics.publishStoredMetrics();
    });
    expect(lines).toHaveLength(1);
  });

  test('none, no line', () => {
    expect(written(() => createMetrics('Blueprints', DIMENSIONS).publishStoredMetrics())).toEqual([]);
  });
});

function dimensionsOf(line: Record<string, unknown>): unknown {
  const { CloudWatchMetrics: [metrics] } = line._aws as { CloudWatchMetrics: [{ Dimensions: string[][] }] };
  return metrics.Dimensions;
}
