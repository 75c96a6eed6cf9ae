"""A model that `--download` fetched from an imitation of the hub, as `huggingface_hub` finds it in the cache.

    python Tests/Reference/check_hub_download.py BIN MODEL [tls]        (needs huggingface_hub; for tls the program openssl)

BIN is the directory of the built programs, MODEL a directory with a decoder and its tokenizer. The imitation answers as the hub does: the list
of files, HEAD with their checksums, large files on another port behind a redirect; the first connection for each of those is cut in the middle.
With tls it speaks https with a certificate of its own. Prints what was asked, and ends with 0 where `infer tokenize` and `huggingface_hub` find
every byte.
"""

import filecmp
import hashlib
import http.server
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading

COMMIT, MODEL, LARGE = "0123456789abcdef0123456789abcdef01234567", "acme/tiny", 10_000
TAKEN = {".json", ".safetensors", ".model", ".jinja"}


def git_name(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def serve(handler, context):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"{'https' if context else 'http'}://localhost:{server.server_port}"


def main():
    binaries, source = sys.argv[1:3]
    files = {path.name: path.read_bytes() for path in pathlib.Path(source).iterdir() if path.suffix in TAKEN}
    work = pathlib.Path(tempfile.mkdtemp(prefix="carina-hub-"))
    context = None
    if "tls" in sys.argv:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-keyout", work / "key.pem", "-out", work / "cert.pem"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(work / "cert.pem", work / "key.pem")
    cut = set()

    class Store(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name, start = self.path.rsplit("/", 1)[1], 0
            data, wanted = files[name], self.headers.get("Range")
            if wanted:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            print("store:", self.path, wanted or "", "token!" if self.headers.get("Authorization") else "")
            self.send_response(206 if wanted else 200)
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            whole = name in cut
            cut.add(name)
            self.wfile.write(data[start:] if whole else data[start : len(data) // 2])
            if not whole:
                self.close_connection = True

        def log_message(self, *_):
            pass

    class Hub(Store):
        def do_HEAD(self):
            self.answer(False)

        def do_GET(self):
            self.answer(True)

        def answer(self, body):
            print("hub:", self.command, self.path)
            name = self.path.rsplit("/", 1)[1]
            if self.path.startswith(f"/api/models/{MODEL}/revision/"):
                return self.reply(200, json.dumps({"sha": COMMIT, "siblings": [{"rfilename": n} for n in files]}).encode(), {}, body)
            if not self.path.startswith(f"/{MODEL}/resolve/{COMMIT}/") or name not in files:
                return self.reply(404, b"", {"X-Error-Code": "RepoNotFound"}, body)
            data, headers = files[name], {"X-Repo-Commit": COMMIT}
            if len(data) < LARGE:
                return self.reply(200, data, {**headers, "ETag": f'"{git_name(data)}"'}, body)
            headers |= {"Location": f"{store}/x/{name}", "X-Linked-Size": str(len(data)),
                        "X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"'}
            return self.reply(302, b"", headers, body)

        def reply(self, status, data, headers, body):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body:
                self.wfile.write(data)

    store = serve(Store, context)
    hub = serve(Hub, context)
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(work / "home"), "HF_TOKEN": "hf_secret"}
    if context:
        environment["SSL_CERT_FILE"] = str(work / "cert.pem")
        untrusted = {**environment, "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt", "HF_HOME": str(work / "other")}
        refused = subprocess.run(
            [f"{binaries}/infer", "tokenize", "--llm-path", MODEL, "--download"], input=b"", capture_output=True, env=untrusted)
        print(refused.stderr.decode())
        assert refused.returncode == 66
    run = subprocess.run(
        [f"{binaries}/infer", "tokenize", "--llm-path", MODEL, "--download"], input=b'"heart"\n', capture_output=True, env=environment)
    print(run.stderr.decode(), run.stdout.decode())
    assert run.returncode == 0
    os.environ |= {"HF_HOME": environment["HF_HOME"], "HF_HUB_OFFLINE": "1"}
    import huggingface_hub

    found = pathlib.Path(huggingface_hub.snapshot_download(MODEL, local_files_only=True))
    assert found.name == COMMIT
    for path in found.iterdir():
        assert filecmp.cmp(path, pathlib.Path(source) / path.name, shallow=False), path
    report = huggingface_hub.scan_cache_dir()
    assert not report.warnings, report.warnings
    repository = next(iter(report.repos))
    print("huggingface_hub", huggingface_hub.__version__, repository.repo_id, repository.refs.keys(), repository.nb_files, "files",
          repository.size_on_disk, "bytes, no warnings")


if __name__ == "__main__":
    main()
