// What every response runs through, as far as the origin answered below 400. See viewer-request.js for the rules of form.

// The emitter puts `holds` of viewer-request.js in front and `apply`, one statement per header rule, behind.

//#if puts
function put(headers, own, name, value, append) {
  if (append) {
    if (own[name]) {
      headers[name].value += ', ' + value;
      return;
    }
  }
  own[name] = true;
  headers[name] = { value: value };
}
//#endif
function handler(event) {
  var request = event.request;
  var response = event.response;
  try {
    //#if statuses
    var status = request.headers['x-rewrite-status'];
    if (status) {
      // A page that has not changed (304) or has moved stays what it is.
      if (response.statusCode < 300) {
        response.statusCode = +status.value;
        delete response.statusDescription;
      }
    }
    //#endif
    //#if splits
    var cookie = request.headers['x-rewrite-cookie'];
    if (cookie) {
      cookie = cookie.value.split('=');
      if (!response.cookies) {
        response.cookies = {};
      }
      response.cookies[cookie[0]] = { value: cookie[1], attributes: 'Path=/; Max-Age=' + cookie[2] + '; Secure; SameSite=Lax' };
    }
    //#endif
    //#if rules
    var uri = request.uri;
    var path = request.headers['x-rewrite-path'];
    if (path) {
      uri = path.value;
    }
    var host = '';
    //#if host
    if (request.headers.host) {
      host = request.headers.host.value.toLowerCase();
    }
    //#endif
    apply(request, response.headers, uri, host);
    //#endif
  } catch (error) {
    console.log('rewrite: ' + error);
  }
  return response;
}
