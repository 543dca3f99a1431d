// CloudFront around a distribution's functions, as handlers of nginx: builds the event from the request that arrived, runs
// the functions as deployed, refuses what CloudFront refuses, and sends the request on to an origin. nginx gives every
// request a fresh copy of this module, so what stands at its top belongs to one request. `settings` and `store` are
// preloaded JSON, `functions.js` holds the code (nginx.ts); preloaded lists have no methods, so sets are objects there.
import crypto from 'crypto';
import functions from 'functions.js';

var origin = settings.defaultOrigin;

var cf = {
  kvs: function () {
    return { get: get, exists: exists, meta: meta };
  },
  selectRequestOriginById: function (id) {
    origin = settings.origins[id];
    if (!origin) { throw new Error('no origin ' + id); }
  },
  updateRequestOrigin: function (wanted) {
    origin = settings.hosts[wanted.domainName];
    if (!origin) { throw new Error('no host ' + wanted.domainName); }
  },
};

function has(object, name) {
  return Object.prototype.hasOwnProperty.call(object, name);
}

async function get(key, options) {
  if (!has(store, key)) { throw new Error('KeyNotFound'); }
  return options && options.format === 'json' ? JSON.parse(store[key]) : store[key];
}

async function exists(key) {
  return has(store, key);
}

async function meta() {
  return { creationDateTime: '', lastUpdatedDateTime: '', keyCount: Object.keys(store).length };
}

function handlerOf(make, r) {
  var math = settings.random === undefined ? Math : { floor: Math.floor, random: function () { return settings.random; } };
  return make(cf, crypto, { log: function (line) { r.warn('function: ' + line); } }, math);
}

/** Adds a value as events have it: the first one as `value`, all of them as `multiValue` if there are several. */
function put(bag, name, entry) {
  if (!has(bag, name)) {
    bag[name] = entry;
    return;
  }
  if (!bag[name].multiValue) { bag[name].multiValue = [Object.assign({}, bag[name])]; }
  bag[name].multiValue.push(entry);
}

function valuesOf(entry) {
  return entry.multiValue || [entry];
}

function pairOf(text) {
  var at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** The path as it arrived: nginx has decoded `$uri`, and none for a request it could not read further (error 400). */
function targetOf(r) {
  var line = r.variables.request;
  return line.slice(line.indexOf(' ') + 1, line.lastIndexOf(' '));
}

function requestOf(r, target) {
  var mark = target.indexOf('?');
  var raw = mark < 0 ? undefined : target.slice(mark + 1);
  var request = { method: r.method, uri: mark < 0 ? target : target.slice(0, mark), querystring: {}, headers: {}, cookies: {} };
  (raw || '').split('&').forEach(function (text) {
    var pair = pairOf(text);
    if (text !== '') { put(request.querystring, pair[0], { value: pair[1] }); }
  });
  r.rawHeadersIn.forEach(function (header) {
    var name = header[0].toLowerCase();
    if (name === 'cookie') {
      header[1].split(';').forEach(function (text) {
        var pair = pairOf(text.trim());
        if (pair[0] !== '') { put(request.cookies, pair[0], { value: pair[1] }); }
      });
    } else if (!name.startsWith('cloudfront-') || has(settings.visible, name)) {
      put(request.headers, name, { value: header[1] });
    }
  });
  Object.defineProperty(request, 'rawQueryString', { value: function () { return raw; } });
  return request;
}

/** Why CloudFront would not use headers a function returned. What was there before stays as it is. */
function headerFault(headers, before, readOnly) {
  return Object.keys(headers || {}).map(function (name) {
    return valuesOf(headers[name]).map(function (entry) {
      var value = entry.value;
      if (before[name] === value) { return ''; }
      var wrong = new RegExp(settings.disallowed).test(name) || has(readOnly, name) || name !== name.toLowerCase()
        || typeof value !== 'string' || /[^\t\x20-\x7e]/.test(value);
      return wrong ? 'header ' + name + ': ' + JSON.stringify(value) : '';
    }).join('');
  }).join('');
}

function firstValues(headers) {
  var result = {};
  Object.keys(headers).forEach(function (name) { result[name] = headers[name].value; });
  return result;
}

function resultFault(result, before) {
  if (result === null || typeof result !== 'object') { return 'no object returned'; }
  if (result.statusCode === undefined) {
    if (typeof result.uri !== 'string' || result.uri[0] !== '/') { return 'uri ' + JSON.stringify(result.uri); }
    return headerFault(result.headers, before, settings.readOnlyRequest);
  }
  if (!(Number.isInteger(result.statusCode) && result.statusCode >= 200 && result.statusCode <= 599)) { return 'status ' + result.statusCode; }
  return headerFault(result.headers, {}, settings.readOnlyResponse);
}

function fail(r, status, kind, reason) {
  r.error('refused: ' + reason);
  r.headersOut['X-Cache'] = kind + ' from cloudfront';
  r.return(status, '');
}

/** For `js_content`. */
async function viewerRequest(r) {
  var target = targetOf(r);
  if (target.length > settings.uriCharacters) { return fail(r, 414, 'Error', 'a path of ' + target.length + ' characters'); }
  var request = requestOf(r, target);
  if (functions.viewerRequest) {
    if (settings.refused) { return fail(r, 502, 'FunctionValidationError', settings.refused); }
    var before = firstValues(request.headers);
    try {
      var result = await handlerOf(functions.viewerRequest, r)({ version: '1.0', context: { eventType: 'viewer-request' }, viewer: { ip: '127.0.0.1' }, request: request });
    } catch (error) {
      return fail(r, 503, 'FunctionExecutionError', String(error));
    }
    var fault = resultFault(result, before);
    if (fault) { return fail(r, 502, 'FunctionValidationError', fault); }
    if (result.statusCode !== undefined) { return answer(r, result); }
    request = result;
  }
  forward(r, request);
}

function answer(r, response) {
  var headers = response.headers || {};
  Object.keys(headers).forEach(function (name) {
    if (name !== 'location') { r.headersOut[name] = valuesOf(headers[name]).map(function (entry) { return entry.value; }).join(', '); }
  });
  r.headersOut['Set-Cookie'] = setCookies(response.cookies || {});
  r.headersOut['X-Cache'] = 'FunctionGeneratedResponse from cloudfront';
  r.headersOut.Server = 'CloudFront';
  if (headers.location) {
    r.return(response.statusCode, headers.location.value); // nginx drops a Location set by hand
    return;
  }
  r.status = response.statusCode;
  r.headersOut['Content-Length'] = '0';
  r.sendHeader();
  r.finish();
}

/** To the chosen origin, with what the policies let through and nothing else. */
function forward(r, request) {
  var pairs = [];
  Object.keys(request.querystring).forEach(function (name) {
    if (settings.allQueries || has(settings.queries, name)) {
      valuesOf(request.querystring[name]).forEach(function (entry) { pairs.push(name + '=' + entry.value); });
    }
  });
  var cookies = Object.keys(request.cookies).filter(function (name) {
    return settings.allCookies || has(settings.cookies, name);
  }).map(function (name) { return name + '=' + request.cookies[name].value; });
  r.variables.edge_origin = origin;
  r.variables.edge_target = (request.uri === '/' ? '/' + settings.rootObject : request.uri) + (pairs.length > 0 ? '?' + pairs.join('&') : '');
  r.variables.edge_cookie = cookies.join('; ');
  Object.keys(settings.headers).forEach(function (name) {
    var header = request.headers[name];
    r.variables[settings.headers[name]] = header ? header.value : '';
  });
  if (functions.viewerResponse) { r.variables.edge_request = JSON.stringify(request); }
  r.internalRedirect('@origin');
}

/** For `js_header_filter` of what an origin answered. */
function viewerResponse(r) {
  var failed = r.status >= 400;
  r.headersOut['X-Cache'] = failed ? 'Error from cloudfront' : 'Miss from cloudfront';
  Object.keys(settings.remove).forEach(function (name) { delete r.headersOut[name]; });
  Object.keys(settings.set).forEach(function (name) {
    if (settings.set[name].override || !r.headersOut[name]) { r.headersOut[name] = settings.set[name].value; }
  });
  // CloudFront does not ask the function about failures of the origin.
  if (failed || !functions.viewerResponse) { return; }
  var response = { statusCode: r.status, headers: {}, cookies: {} };
  Object.keys(r.headersOut).forEach(function (name) {
    var lower = name.toLowerCase();
    if (lower !== 'set-cookie' && lower !== 'x-cache') { response.headers[lower] = { value: String(r.headersOut[name]) }; }
  });
  (r.headersOut['Set-Cookie'] || []).forEach(function (text) {
    var at = text.indexOf(';');
    var pair = pairOf(at < 0 ? text : text.slice(0, at));
    put(response.cookies, pair[0], { value: pair[1], attributes: at < 0 ? undefined : text.slice(at + 1).trim() });
  });
  var before = firstValues(response.headers);
  var fault;
  try {
    var result = handlerOf(functions.viewerResponse, r)({ version: '1.0', context: { eventType: 'viewer-response' }, request: JSON.parse(r.variables.edge_request), response: response });
    fault = settings.refused || headerFault(result.headers, before, settings.readOnlyResponse);
  } catch (error) {
    fault = String(error);
  }
  if (fault) {
    // The body is on its way already; status and headers are what visitors would see.
    r.error('refused: ' + fault);
    r.headersOut['X-Cache'] = 'FunctionValidationError from cloudfront';
    r.status = 502;
    return;
  }
  r.status = result.statusCode;
  Object.keys(before).forEach(function (name) {
    if (!has(result.headers, name)) { delete r.headersOut[name]; }
  });
  Object.keys(result.headers).forEach(function (name) {
    if (result.headers[name].value !== before[name]) { r.headersOut[name] = result.headers[name].value; }
  });
  r.headersOut['Set-Cookie'] = setCookies(result.cookies || {});
}

function setCookies(cookies) {
  var lines = [];
  Object.keys(cookies).forEach(function (name) {
    valuesOf(cookies[name]).forEach(function (entry) {
      lines.push(name + '=' + entry.value + (entry.attributes ? '; ' + entry.attributes : ''));
    });
  });
  return lines;
}

/** For measurements: what `js_content` costs without a function. */
function pass(r) {
  r.variables.edge_origin = origin;
  r.variables.edge_target = targetOf(r);
  r.internalRedirect('@origin');
}

export default { viewerRequest, viewerResponse, pass };
