// What every request runs through. Read emit.ts first: it resolves `//#if` lines and puts in the constants in capitals.
// Written for counting: one basic block per line, loops as `while (true)`, no `&&`, `||`, `?:`. The engine is nginx njs:
// no spread, destructuring, default parameters, `for of`, `?.`, `??`, classes, Map or Set.
//
// TABLE      '}key value}key value}', in the code or as a bucket of the store; a path holds no space, so none spans two entries
// value      alternatives separated by '<', the first that holds decides
// alternative  fields separated by ' ': code + text, then three per condition; the position of the rule in front where the
//            lowest of all hits decides instead of the first
// code       kind (1 2 3 7 8: redirect 30x; w rewrite; o proxy; e status; s split; - pass), then query policy and slash:
//            k keep, m merge, d drop; K, M, D: only without a slash at the end; X, Y, Z: only with one
// text       arguments, each closed by '`', then the target; '>1' is segment 1, '>b' segments 2 and on, '>A' another capture.
//            Of a split: its name, seconds, then for each variant the first bucket that is no longer its own, and target
// condition  place, name, source of a regular expression over '=' and the value, '' if there is none. Place: a property of the
//            request; or L language (without '='), T method, Q query, C query and the letter it is captured by in front of the name,
//            Z segment, A segment of which a part is captured: letter, position, lengths of what stands around it
// PROBES     per depth of the path, separated by '|': keys to try after the path itself, separated by ' ':
//            mark, depth ('a' is none), host flag (only with host rules), positions of placeholders; a mark in upper case is a prefix

//#if conditions
function told(request, segments, place, name) {
  //#if special
  if (place < 'a') {
    //#if languages
    if (place === 'L') {
      return spoken(request.headers[name]);
    }
    //#endif
    //#if methods
    if (place === 'T') {
      return '=' + request.method;
    }
    //#endif
    //#if labels
    if (place === 'Z') {
      return '=' + segments[name];
    }
    //#endif
    //#if affixes
    if (place === 'A') {
      return inside(segments, name);
    }
    //#endif
    //#if queries
    return queried(request, segments, place, name);
    //#endif
  }
  //#endif
  var entry = request[place][name];
  if (entry) {
    return '=' + entry.value;
  }
  return '';
}
//#endif
//#if affixes
function inside(segments, name) {
  var parts = name.split(':');
  var segment = segments[parts[1]];
  segments[parts[0]] = segment.slice(+parts[2], segment.length - parts[3]);
  return '=' + segment;
}
//#endif
//#if queries
function queried(request, segments, place, name) {
  //#if captured
  var letter = '';
  if (place === 'C') {
    letter = name[0];
    name = name.slice(1);
  }
  //#endif
  var entry = request.querystring[name];
  if (!entry) {
    return '';
  }
  var value = entry.value;
  try {
    value = decodeURIComponent(value.replace(/\+/g, ' '));
  } catch (error) {
    value = entry.value;
  }
  value = encodeURIComponent(value);
  //#if captured
  if (letter !== '') {
    segments[letter] = value.replace(/%20/g, '+');
  }
  //#endif
  return '=' + value;
}
//#endif
//#if languages
// The range with the highest weight, the first of equal ones. Each well-formed one becomes '\nweight\ntag', which sorts;
// what follows the tag in the result is of no interest.
function spoken(entry) {
  if (!entry) {
    return '';
  }
  var ranges = (',' + entry.value.toLowerCase() + ',\n0\n').replace(/,\s*([a-z][a-z0-9-]*)\s*(?=,)/g, ',$1;q=1');
  ranges = ranges.replace(/,\s*([a-z][a-z0-9-]*)\s*;\s*q=(1|0\.\d*?[1-9])\.?0*\s*(?=,)/g, '\n$2\n$1');
  var best = ranges.match(/\n[\d.]+\n/g).sort().pop();
  return ranges.slice(ranges.indexOf(best) + best.length);
}
//#endif
//#if location
function queryOf(request) {
  if (request.rawQueryString) {
    return request.rawQueryString();
  }
  var result = '';
  var names = Object.keys(request.querystring);
  var index = 0;
  while (true) {
    if (index >= names.length) {
      break;
    }
    var name = names[index];
    var values = request.querystring[name].multiValue;
    if (!values) {
      values = [request.querystring[name]];
    }
    var n = 0;
    while (true) {
      if (n >= values.length) {
        break;
      }
      result += '&' + name + '=' + values[n].value;
      n++;
    }
    index++;
  }
  return result.slice(1);
}
function redirect(status, target, query, base) {
  if (target[0] === '/') {
    target = base + '/' + target.replace(/^([\/\\]|%2f|%5c)+/i, '');
  }
  if (query) {
    var mark = '?';
    if (target.indexOf('?') >= 0) {
      mark = '&';
    }
    target += mark + query.replace(/[^!-~]+/g, encodeURIComponent);
  }
  return { statusCode: status, headers: { location: { value: target } } };
}
//#endif
async function handler(event) {
  var request = event.request;
  var headers = request.headers;
  //#if markers
  delete headers['x-rewrite-status'];
  delete headers['x-rewrite-cookie'];
  delete headers['x-rewrite-variant'];
  delete headers['x-rewrite-path'];
  //#endif
  //#if access
  var checks = covering(request.uri);
  if (checks !== '') {
    var refused = await refusal(event, checks);
    if (refused) {
      return refused;
    }
  }
  //#endif
  try {
    var uri = request.uri;
    if (/[^!-~]/.test(uri)) {
      return request;
    }
    //#if host
    var host = '';
    if (headers.host) {
      host = headers.host.value.toLowerCase();
    }
    //#endif
    //#if location
    var base = '';
    //#endif
    //#if base
    if (host !== HOST) {
      base = 'https://' + HOST;
    }
    //#endif
    var served = uri;
    var kind = '';
    //#if table
    var segments = uri.split('/');
    var depth = segments.length - 1;
    var key = uri;
    //#if slash
    var open = false;
    //#endif
    if (segments[depth] === '') {
      //#if slash
      open = true;
      //#endif
      depth--;
      key = uri.slice(0, -1);
      if (key === '') {
        key = '.';
      }
    }
    //#if hosts
    var path = key;
    key = '~' + host + path;
    //#endif
    //#if inline
    var table = TABLE;
    //#endif
    //#if reading
    var store = cf.kvs();
    //#endif
    //#if probes
    var next = 1;
    if (depth > DEEPEST) {
      depth = DEEPEST;
    }
    var probes = PROBES.split('|')[depth].split(' ');
    //#endif
    var value;
    var found;
    //#if lowest
    var best = Infinity;
    var winner;
    //#endif
    while (true) {
      //#if dense
      var digest = crypto.createHash('md5').update(key).digest('hex');
      var table = '';
      try {
        table = await store.get('' + parseInt(digest.slice(0, 8), 16) % BUCKETS);
      } catch (error) {
        table = '';
      }
      //#endif
      //#if lines
      value = '';
      var at = table.indexOf('}' + key + ' ');
      if (at >= 0) {
        at += key.length + 2;
        value = table.slice(at, table.indexOf('}', at));
      }
      //#endif
      //#if store
      try {
        value = await store.get(key);
      } catch (error) {
        value = '';
      }
      //#endif
      if (value) {
        //#if single
        found = [value];
        //#endif
        //#if several
        var alternatives = value.split('<');
        var n = 0;
        //#if slash
        var other = 'XYZ';
        if (open) {
          other = 'KMD';
        }
        //#endif
        while (true) {
          found = alternatives[n].split(' ');
          var holding = true;
          //#if lowest
          var rank = parseInt(found.shift(), 36);
          if (rank > best) {
            break;
          }
          //#endif
          //#if slash
          if (found[0][1] < 'a') {
            holding = other.indexOf(found[0][1]) < 0;
          }
          //#endif
          //#if conditions
          var field = 1;
          while (true) {
            if (field >= found.length) {
              break;
            }
            if (!new RegExp(found[field + 2]).test(told(request, segments, found[field], found[field + 1]))) {
              holding = false;
              break;
            }
            field += 3;
          }
          //#endif
          if (holding) {
            break;
          }
          found = null;
          n++;
          if (n >= alternatives.length) {
            break;
          }
        }
        //#endif
        //#if lowest
        if (found) {
          if (rank < best) {
            best = rank;
            winner = found;
          }
        }
        //#endif
        //#if first
        if (found) {
          break;
        }
        //#endif
      }
      //#if probes
      var probe = probes[next];
      if (!probe) {
        break;
      }
      next++;
      //#if hosts
      if (probe === '/') {
        key = path;
        continue;
      }
      //#endif
      var pieces = segments.slice(0, probe.charCodeAt(1) - 96);
      //#if slash
      if (probe < 'a') {
        open = uri.length > pieces.join('/').length;
      }
      //#endif
      key = probe[0];
      //#if placeholders
      if (probe.length > PLACES) {
        var position = PLACES;
        while (true) {
          var place = probe[position];
          if (!place) {
            break;
          }
          if (pieces[place] === '') {
            key = '\n';
          }
          pieces[place] = ':';
          position++;
        }
      }
      //#endif
      //#if hosts
      if (probe[2] === '1') {
        key += host;
      }
      //#endif
      key += pieces.join('/');
      //#endif
      //#if noprobes
      break;
      //#endif
    }
    //#if lowest
    found = winner;
    //#endif
    if (found) {
      //#if recapture
      field = 1;
      while (true) {
        if (field >= found.length) {
          break;
        }
        if (found[field] < 'D') {
          told(request, segments, found[field], found[field + 1]);
        }
        field += 3;
      }
      //#endif
      kind = found[0][0];
      var policy = found[0][1];
      var target = found[0].slice(2);
      //#if arguments
      var texts = target.split('`');
      target = texts[texts.length - 1];
      //#endif
      //#if splits
      if (kind === 's') {
        var jar = '';
        var cookie = request.cookies['rw_' + texts[0]];
        if (cookie) {
          jar = cookie.value;
        }
        var known = /^\d{1,4}$/.test(jar);
        if (!known) {
          jar = Math.floor(Math.random() * 10000);
        }
        var variant = 0;
        var end = 2;
        while (true) {
          if (!(jar >= +texts[end])) {
            break;
          }
          end += 2;
          variant++;
        }
        // Broken data throws, so that the request goes on.
        target = texts[end + 1].slice(0);
      }
      //#endif
      //#if captures
      var parts = target.split('>');
      var part = 1;
      target = parts[0];
      while (true) {
        if (part >= parts.length) {
          break;
        }
        var capture = segments[parts[part][0]];
        //#if rests
        if (parts[part] >= 'a') {
          capture = segments.slice(parts[part].charCodeAt(0) - 96).join('/');
        }
        //#endif
        //#if asked
        if (target.indexOf('?') >= 0) {
          capture = capture.replace(/[&=#]/g, encodeURIComponent);
        }
        //#endif
        target += capture + parts[part].slice(1);
        part++;
      }
      //#endif
      //#if redirects
      if (kind < 'a') {
        var query = '';
        if ('dDZ'.indexOf(policy) < 0) {
          query = queryOf(request);
          //#if merges
          if ('mMY'.indexOf(policy) >= 0) {
            if (query) {
              query = ('&' + query).replace(new RegExp('&(?:' + texts[0] + ')(?:=[^&]*)?(?=&|$)', 'g'), '').slice(1);
            }
          }
          //#endif
        }
        //#if fragments
        var halves = target.split('#');
        var answer = redirect(+('30' + kind), halves[0], query, base);
        if (halves.length > 1) {
          answer.headers.location.value += '#' + halves[1];
        }
        return answer;
        //#endif
        //#if whole
        return redirect(+('30' + kind), target, query, base);
        //#endif
      }
      //#endif
      //#if statuses
      if (kind === 'e') {
        if (target === '') {
          return { statusCode: +texts[0] };
        }
      }
      //#endif
      //#if rewrites
      if (kind !== 'p') {
        served = target;
        //#if own
        var own = target.split('?');
        served = own[0];
        //#endif
      }
      //#endif
    }
    //#endif
    //#if serving
    if (SERVABLE.indexOf(kind) >= 0) {
      //#if canonical
      var goal = uri;
      //#if clean
      if (goal.endsWith('.html')) {
        goal = goal.slice(0, -5);
        if (goal.endsWith('/index')) {
          goal = goal.slice(0, -5);
        }
      }
      //#endif
      //#if remove
      if (/.\/$/.test(goal)) {
        goal = goal.slice(0, -1);
      }
      //#endif
      //#if add
      if (/\/[^\/.]+$/.test(goal)) {
        goal += '/';
      }
      //#endif
      if (base + goal !== uri) {
        return redirect(CANONICAL_STATUS, goal, queryOf(request), base);
      }
      //#endif
      //#if documents
      var name = served.slice(served.lastIndexOf('/') + 1);
      //#if spa
      if (kind === '') {
        if (name.indexOf('.') < 0) {
          served = SPA;
          name = '.';
        }
      }
      //#endif
      //#if index
      if (name === '') {
        served += INDEX;
        name = '.';
      }
      //#endif
      //#if extension
      if (name !== '') {
        if (name.indexOf('.') < 0) {
          served += EXTENSION;
        }
      }
      //#endif
      //#endif
    }
    //#endif
    //#if proxies
    if (kind === 'o') {
      headers['x-rewrite-variant'] = { value: texts[0] };
      if (texts[0][0] === '@') {
        var origin = texts[0].slice(1).split(':');
        var port = 443;
        if (origin[0] === 'http') {
          port = 80;
        }
        var custom = { port: port, protocol: origin[0], sslProtocols: ['TLSv1.2'] };
        cf.updateRequestOrigin({ domainName: origin[1], originAccessControlConfig: { enabled: false }, customOriginConfig: custom });
      }
      if (texts[0][0] !== '@') {
        cf.selectRequestOriginById(texts[0]);
      }
    }
    //#endif
    //#if statuses
    if (kind === 'e') {
      headers['x-rewrite-status'] = { value: texts[0] };
    }
    //#endif
    //#if splits
    if (kind === 's') {
      headers['x-rewrite-variant'] = { value: texts[0] + '=' + variant };
      if (!known) {
        headers['x-rewrite-cookie'] = { value: 'rw_' + texts[0] + '=' + jar + '=' + texts[1] };
      }
    }
    //#endif
    //#if paths
    if (served !== uri) {
      headers['x-rewrite-path'] = { value: uri };
    }
    //#endif
    //#if own
    if (own) {
      var bag = request.querystring;
      if ('dDZ'.indexOf(policy) >= 0) {
        bag = {};
      }
      //#if merges
      if ('mMY'.indexOf(policy) >= 0) {
        var names = texts[texts.length - 2].split('|');
        while (true) {
          if (names.length === 0) {
            break;
          }
          delete bag[names.pop()];
        }
      }
      //#endif
      if (own[1]) {
        var pairs = own[1].split('&');
        while (true) {
          if (pairs.length === 0) {
            break;
          }
          var pair = pairs.pop().split('=');
          bag[pair[0]] = { value: pair[1] };
        }
      }
      request.querystring = bag;
    }
    //#endif
    //#if guarded
    if (served !== uri) {
      var inner = covering(served);
      if (inner !== '') {
        if (inner !== checks) {
          refused = await refusal(event, inner);
          if (refused) {
            return refused;
          }
        }
      }
    }
    //#endif
    request.uri = served;
    return request;
  } catch (error) {
    console.log('rewrite: ' + error);
    //#if access
    if (checks) {
      return refuse('');
    }
    //#endif
    return request;
  }
}
