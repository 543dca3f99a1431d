"""What both launchers share: a loopback port, an end with the parent, and the way to the kit's Lambda host."""
import ctypes
import hashlib
import io
import json
import os
import signal
import socket
import tempfile
import urllib.error
import urllib.request
import zipfile

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """A killed test run must not leave emulators behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def listen() -> socket.socket:
    """A free port, bound before the emulator is imported: some read it at import."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    sock.listen(256)
    sock.set_inheritable(True)
    return sock


def announce(sock: socket.socket) -> None:
    """Tells the parent the port."""
    os.write(3, f"{sock.getsockname()[1]}\n".encode())
    os.close(3)


def unpack(code_zip: bytes) -> str:
    """Directory of the deployed code, named by content, in the TMPDIR the parent removes."""
    directory = os.path.join(tempfile.gettempdir(), "code", hashlib.sha256(code_zip).hexdigest())
    if not os.path.isdir(directory):
        partial = tempfile.mkdtemp()
        with zipfile.ZipFile(io.BytesIO(code_zip)) as archive:
            archive.extractall(partial)
        os.makedirs(os.path.dirname(directory), exist_ok=True)
        os.replace(partial, directory)
    return directory


def run_on_host(config: dict, code_zip: bytes, event, request_id: str | None = None) -> dict:
    """Runs a function on the kit's Lambda host and returns its outcome (lambda-environment.ts, InvokeOutcome)."""
    body = {"function": config, "code": unpack(code_zip), "event": event, "requestId": request_id}
    request = urllib.request.Request(
        f"{os.environ['KIT_LAMBDA_HOST']}/invoke", data=json.dumps(body).encode(), method="POST")
    try:
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        return {"error": {"errorType": "Kit.HostRefused", "errorMessage": json.load(error)["message"]}, "logs": ""}
