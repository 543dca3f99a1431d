//#if access
// Who may see a path. Stands in front of viewer-request.js; see there for the rules of form, and access.ts for the data.
//
// GUARDS     expression that finds the longest protected path in front of a path in lower case; '' is in front of all
// ACCESS     '}path checks}path checks}': all checks that hold there, those of the paths above included; separated by '^',
//            their arguments by '`'
// check      letter + arguments
//            a addresses, c countries: expression that the visitor's must match, behind '^('
//            l signed link: key in the store
//            j token: key in the store, cookie, issuer, audience
//            u user and password: what keys in the store begin with, salt, realm
// The store  holds the keys of links and tokens under their key, and of users a digest behind what their keys begin with.
function refuse(challenge) {
  var answer = { statusCode: 403, headers: { 'cache-control': { value: 'no-store' } } };
  if (challenge) {
    answer.statusCode = 401;
    answer.headers['www-authenticate'] = { value: challenge };
  }
  return answer;
}
// The checks of a path, '' for none, null if an origin might read it in more than one way: it is encoded twice or wrongly, has
// dots for a segment, or what some origins drop from a segment (';x') holds what others take for a slash. After that the order
// of steps makes no difference, and none makes a protected path another: no protected path holds what a step takes away.
function covering(uri) {
  try {
    // Up to the next of these marks only: looked at from each of thousands, the rest of a path would take seconds.
    if (/([;:]|%3[abf]|%23)([^\/;:%]|%(?!3[abf]|23))*(\\|%2f|%5c)/i.test(uri)) {
      return null;
    }
    var path = decodeURIComponent(uri);
    if (/%[\da-f]{2}|[\x00-\x1f\x7f]|^(?![\/\\])|[\/\\][. ]+([\/\\;:?#]|$)/i.test(path)) {
      return null;
    }
    path = path.toUpperCase().toLowerCase().replace(/[;:?#][^\/\\]*/g, '').replace(/[\/\\]+/g, '/').replace(/([^. ])[. ]+(?=\/|$)/g, '$1');
    var found = GUARDS.exec(path);
    if (!found) {
      return '';
    }
    var table = ACCESS;
    var at = table.indexOf('}' + found[0] + ' ') + found[0].length + 2;
    return table.slice(at, table.indexOf('}', at));
  } catch (error) {
    return null;
  }
}
//#if addresses
// '4' or '6' and the address in hexadecimal; '' for what is none.
function addressOf(ip) {
  if (ip.indexOf('.') > 0) {
    ip = ip.slice(ip.lastIndexOf(':') + 1);
    if (/^(\d{1,3}\.){3}\d{1,3}$/.test(ip)) {
      return '4' + Buffer.from(ip.split('.')).toString('hex');
    }
    return '';
  }
  var groups = 9 - ip.split(':').length;
  if (groups >= 0) {
    ip = ip.replace('::', ':' + '0:'.repeat(groups));
  }
  ip = '6' + (':' + ip).replace(/:/g, ':0000').replace(/:\w*(\w{4})(?=:|$)/g, '$1').toLowerCase();
  if (/^6[\da-f]{32}$/.test(ip)) {
    return ip.replace(/^60{20}f{4}/, '4');
  }
  return '';
}
//#endif
//#if secrets
function mac(key, text, encoding) {
  return crypto.createHmac('sha256', key).update(text).digest(encoding);
}
//#endif
//#if signatures
// All keys are tried, and what is compared is hidden by the key: how long it takes says nothing.
function signs(keys, text, encoding, signature) {
  var result = false;
  var rest = keys.split(' ');
  while (true) {
    if (rest.length === 0) {
      break;
    }
    var key = rest.pop();
    if (mac(key, mac(key, text, encoding), 'hex') === mac(key, signature, 'hex')) {
      result = true;
    }
  }
  return result;
}
//#endif
//#if tokens
function holdsFor(token, issuer, audience) {
  var head = JSON.parse(Buffer.from(token[1], 'base64url').toString());
  var claims = JSON.parse(Buffer.from(token[2], 'base64url').toString());
  var now = Date.now() / 1000;
  if (head.alg !== 'HS256') {
    return false;
  }
  if (head.crit !== undefined) {
    return false;
  }
  if (typeof claims.exp !== 'number') {
    return false;
  }
  if (claims.exp <= now) {
    return false;
  }
  if (claims.nbf !== undefined) {
    if (typeof claims.nbf !== 'number') {
      return false;
    }
    if (claims.nbf > now) {
      return false;
    }
  }
  if (issuer) {
    if (claims.iss !== issuer) {
      return false;
    }
  }
  if (audience) {
    return [].concat(claims.aud).indexOf(audience) >= 0;
  }
  return true;
}
//#endif
// The answer to whoever must not pass; nothing for whoever may.
async function refusal(event, checks) {
  if (checks === null) {
    return refuse('');
  }
  try {
    var request = event.request;
    //#if credentials
    var sent = '';
    if (request.headers.authorization) {
      sent = request.headers.authorization.value;
    }
    //#endif
    var list = checks.split('^');
    while (true) {
      if (list.length === 0) {
        return;
      }
      var args = list.shift().split('`');
      var kind = args[0];
      var passed = false;
      var challenge = '';
      //#if addresses
      if (kind === 'a') {
        passed = new RegExp('^(' + args[1]).test(addressOf(event.viewer.ip));
      }
      //#endif
      //#if countries
      if (kind === 'c') {
        var country = request.headers['cloudfront-viewer-country'];
        if (country) {
          passed = new RegExp('^(' + args[1]).test(country.value);
        }
      }
      //#endif
      //#if links
      if (kind === 'l') {
        var expires = request.querystring.exp;
        var signature = request.querystring.sig;
        var until = 0;
        if (expires) {
          if (/^\d{1,12}$/.test(expires.value)) {
            until = expires.value * 1000;
          }
        }
        if (signature) {
          if (until > Date.now()) {
            var keys = await cf.kvs().get(args[1]);
            passed = signs(keys, request.uri + '?exp=' + expires.value, 'hex', signature.value);
          }
        }
      }
      //#endif
      //#if tokens
      if (kind === 'j') {
        challenge = 'Bearer';
        var text = sent;
        if (args[2]) {
          text = '';
          if (request.cookies[args[2]]) {
            text = 'bearer ' + request.cookies[args[2]].value;
          }
        }
        var token = /^bearer +([\w-]+)\.([\w-]+)\.([\w-]{43})$/i.exec(text);
        if (token) {
          var secrets = await cf.kvs().get(args[1]);
          if (signs(secrets, token[1] + '.' + token[2], 'base64url', token[3])) {
            passed = holdsFor(token, args[3], args[4]);
          }
        }
      }
      //#endif
      //#if users
      if (kind === 'u') {
        challenge = 'Basic realm="' + args[3] + '", charset="UTF-8"';
        var user = /^basic +([\w+\/]+=*)$/i.exec(sent);
        if (user) {
          var digest = mac(args[2], Buffer.from(user[1], 'base64').toString(), 'hex');
          passed = await cf.kvs().exists(args[1] + digest);
        }
      }
      //#endif
      if (passed !== true) {
        return refuse(challenge);
      }
    }
  } catch (error) {
    console.log('access: no decision, refused');
    return refuse('');
  }
}
//#endif
