"""A model hub on the loopback that misbehaves as a seed decides. See README.md."""

import hashlib
import json
import os
import random
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

TOKEN = "hf_test_token"

# Faults that bring no byte of the body, and those that bring some or all of it.
DRY = ["drop_head", "stall_head", "wrong_total", "wrong_start", "short_lie", "s401", "s403", "s404",
       "s410", "s416", "s429", "s429_ratelimit", "s500", "s503", "html", "gzip", "loop", "to_file",
       "to_nowhere", "garbage", "long_headers", "expire"]
WET = ["drop_mid", "reset_mid", "stall_mid", "short_clean", "long_lie", "whole", "whole_chunked",
       "extra"]
# Faults that only the hash can find.
POISON = ["flip", "shift", "duplicate"]
HUB_FAULTS = ["drop_head", "s500", "s503", "s429", "to_nowhere", "direct", "garbage", "stall_head"]
API_FAULTS = ["drop_head", "s500", "s503", "s429", "garbage"]


class Fault:
    def __init__(self, where, kind, times, chance=1.0):
        self.where, self.kind, self.times, self.chance = where, kind, times, chance

    def describe(self):
        return f"{self.where}:{self.kind}x{self.times}"


class File:
    def __init__(self, path, content, large):
        self.path, self.content, self.large = path, content, large
        self.size = len(content)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.sent = 0
        self.ranges = []
        # What the tree and the resolve headers claim.
        self.claimed_size, self.claimed_sha256, self.linked = self.size, self.sha256, self.sha256


class Case:
    def __init__(self, number, seed, kind, size):
        self.number = number
        self.random = random.Random(seed)
        r = self.random
        self.lock = threading.Lock()
        self.repo = f"org{seed}/model-{r.randrange(1000)}"
        self.commit = "%040x" % r.getrandbits(160)
        self.kind = kind or r.choices(
            ["clean", "transient", "storm", "poison", "poison_twice", "permanent", "refusal"],
            [1, 8, 4, 2, 1, 2, 2])[0]
        self.needs_token = r.random() < 0.3
        self.rate = 0          # bytes per second and connection, 0: as fast as it goes
        self.page = r.choice([1, 2, 1000])
        self.relative_first = r.random() < 0.3
        self.status = r.choice([302, 307])
        self.signatures = set()
        self.serial = 0
        self.leaks = 0
        self.proxied = 0
        self.requests = 0
        self.faults = []
        self.refuse = None     # (status, code, message) of every hub answer
        self.expect, self.codes = "exact", []
        self.files = self.make_files(r, size)
        getattr(self, "setup_" + self.kind)(r)

    def make_files(self, r, size):
        large = size or r.choice([r.randrange(1, 5000), r.randrange(150_000, 900_000),
                                  r.randrange(900_000, 2_500_000)])
        files = [File("README.md", b"# model\n", False), File(".gitattributes", b"x", False)]
        if r.random() < 0.5:
            name = f"model-{r.choice(['Q4_K_M', 'Q8_0', 'MXFP4'])}"
            if r.random() < 0.3:
                files += [File(f"{name}-{i:05}-of-00003.gguf", r.randbytes(max(large // 3, 1)), True)
                          for i in (1, 2, 3)]
            else:
                files.append(File(f"{name}.gguf", r.randbytes(large), True))
            files.append(File("mmproj-F16.gguf", r.randbytes(99), True))
        else:
            files += [File("model.safetensors", r.randbytes(large), True),
                      File("config.json", b'{"a":1}', False),
                      File("tokenizer.json", r.randbytes(r.randrange(1, 60_000)), r.random() < 0.5),
                      File("1_Pooling/config.json", b"{}", False),
                      File("onnx/model.onnx", r.randbytes(1000), True)]
            if r.random() < 0.3:
                files.append(File("vocab.txt", b"", False))
        return files

    # Kinds of cases.

    def setup_clean(self, r):
        pass

    def setup_transient(self, r):
        """A few faults, few enough that a patient client must succeed."""
        for _ in range(r.randrange(0, 4)):
            self.faults.append(Fault("cdn", r.choice(DRY + ["drop_head"]), 1, r.choice([1, 0.5])))
        for _ in range(r.randrange(0, 4)):
            self.faults.append(Fault("cdn", r.choice(WET), r.randrange(1, 3), r.choice([1, 0.5])))
        if r.random() < 0.3:
            self.faults.append(Fault("hub", r.choice(HUB_FAULTS), 1))
        if r.random() < 0.3:
            self.faults.append(Fault("api", r.choice(API_FAULTS[:4]), r.randrange(1, 3)))

    def setup_storm(self, r):
        """Many faults of all kinds: the file or an error."""
        for _ in range(r.randrange(5, 20)):
            where = r.choices(["cdn", "hub", "api"], [8, 2, 1])[0]
            kinds = {"cdn": DRY + WET + POISON, "hub": HUB_FAULTS, "api": API_FAULTS}[where]
            self.faults.append(Fault(where, r.choice(kinds), r.randrange(1, 5), r.random()))
        r.shuffle(self.faults)
        self.expect = "either"

    def setup_poison(self, r):
        """One download's worth of wrong bytes: found, and fetched again."""
        self.faults.append(Fault("cdn", r.choice(POISON), 1))
        self.faults += [Fault("cdn", r.choice(WET[:3]), 1, 0.3) for _ in range(r.randrange(2))]

    def setup_poison_twice(self, r):
        """Wrong bytes for ever: never to be called ready."""
        self.faults.append(Fault("cdn", r.choice(POISON), 10**6))
        self.expect, self.codes = "error", ["corrupted"]

    def setup_permanent(self, r):
        big = self.weights()
        kind = r.choice(["s500", "stall_head", "drop_head", "linked", "size", "sha256", "s416",
                         "s403", "loop", "html"])
        self.expect = "error"
        if kind == "linked":
            big.linked = "0" * 64
            self.codes = ["changedRemote"]
        elif kind == "size":
            big.claimed_size += r.choice([-1, 1]) if big.size > 1 else 1
            self.codes = ["changedRemote", "network", "corrupted"]
        elif kind == "sha256":
            big.claimed_sha256 = big.linked = hashlib.sha256(b"other").hexdigest()
            self.codes = ["corrupted"]
        else:
            self.faults.append(Fault("cdn", kind, 10**6))
            self.codes = {"s500": ["server"], "stall_head": ["stalled"], "drop_head": ["network"],
                          "s416": ["changedRemote", "badAnswer"], "s403": ["gone"],
                          "loop": ["badAnswer"], "html": ["badAnswer"]}[kind]
            if kind == "s416":
                # A client that gives ranges up gets the file whole.
                self.expect, self.codes = "either", []

    def setup_refusal(self, r):
        self.needs_token = False
        choices = [((401, "GatedRepo", "Access to model is restricted"), "gated"),
                   ((403, "GatedRepo", "Access to model is restricted"), "gated"),
                   ((401, "RepoNotFound", "Repository not found"), "unauthorized"),
                   ((401, "", "Invalid credentials in Authorization header"), "badToken"),
                   ((403, "", "Forbidden"), "forbidden"),
                   ((404, "RepoNotFound", "Repository not found"), "repositoryNotFound"),
                   ((404, "RevisionNotFound", "Invalid rev id"), "revisionNotFound"),
                   ((404, "EntryNotFound", "Entry not found"), "fileNotFound"),
                   ((403, "", "Access to this resource is disabled."), "disabled"),
                   ((410, "", "Gone"), "gone")]
        self.refuse, code = r.choice(choices)
        self.refuse_at = "resolve" if code == "fileNotFound" else r.choice(["api", "resolve"])
        self.expect, self.codes = "error", [code]

    def setup_kill(self, r):
        """Slow enough to be killed on the way, several times."""
        self.rate = 4_000_000
        self.needs_token = False

    def setup_kill_faults(self, r):
        self.setup_kill(r)
        self.faults += [Fault("cdn", r.choice(WET[:3] + ["s503", "expire"]), 1, 0.3) for _ in range(3)]

    def weights(self):
        return max((f for f in self.files if f.path.startswith("model")), key=lambda f: f.size)

    def wanted(self):
        """What a client should fetch without being told more than the repository's name."""
        beside = ["config.json", "tokenizer.json", "1_Pooling/config.json", "vocab.txt"]
        return [f.path for f in self.files if f.path.startswith("model") or f.path in beside]

    def take(self, where):
        with self.lock:
            self.requests += 1
            for fault in self.faults:
                if fault.where == where and fault.times > 0 and self.random.random() < fault.chance:
                    fault.times -= 1
                    return fault.kind
        return None

    def sign(self):
        with self.lock:
            self.serial += 1
            signature = f"{self.serial}-{self.number}"
            self.signatures.add(signature)
            return signature

    def describe(self, endpoint):
        return {"case": self.number, "endpoint": endpoint, "repository": self.repo,
                "commit": self.commit, "kind": self.kind, "expect": self.expect,
                "codes": self.codes, "needsToken": self.needs_token, "wanted": self.wanted(),
                "faults": [f.describe() for f in self.faults],
                "files": [{"path": f.path, "size": f.size, "sha256": f.sha256, "oid": f.oid,
                           "large": f.large} for f in self.files]}

    def stats(self):
        return {"leaks": self.leaks, "proxied": self.proxied, "requests": self.requests,
                "sent": {f.path: f.sent for f in self.files},
                "ranges": {f.path: f.ranges for f in self.files}}


CASES = {}
CASES_LOCK = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0

    def log_message(self, *arguments):
        pass

    def setup(self):
        # Small buffers: what is counted as sent is then nearly what arrived.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 << 10)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass

    def do_GET(self):
        parts = urlsplit(self.path)
        if parts.path == "/_new":
            return self.new_case(parse_qs(parts.query))
        if parts.path == "/_stats":
            return self.answer_json(CASES[int(parse_qs(parts.query)["case"][0])].stats())
        if parts.path == "/_forget":
            with CASES_LOCK:
                CASES.pop(int(parse_qs(parts.query)["case"][0]), None)
            return self.answer_json({})
        pieces = parts.path.split("/", 3)
        case = CASES.get(int(pieces[2])) if len(pieces) == 4 and pieces[1] in ("c", "d") else None
        if case is None:
            return self.refuse(404, "", "no such case")
        if parts.scheme:
            # The client takes this server for its proxy; it is the proxy of both.
            case.proxied += 1
        if pieces[1] == "d":
            return self.deliver(case, pieces[3], parse_qs(parts.query))
        self.hub(case, pieces[3], parse_qs(parts.query))

    # The hub.

    def new_case(self, query):
        with CASES_LOCK:
            number = len(CASES) + 1
            while number in CASES:
                number += 1
            CASES[number] = None
        case = Case(number, int(query["seed"][0]), query.get("kind", [None])[0],
                    int(query.get("size", ["0"])[0]))
        CASES[number] = case
        self.answer_json(case.describe(f"http://127.0.0.1:{self.server.server_port}/c/{number}"))

    def hub(self, case, path, query):
        if case.needs_token and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.refuse(401, "RepoNotFound", "Repository not found")
        is_api = path.startswith("api/models/")
        if case.refuse and (case.refuse_at == "api") == is_api:
            return self.refuse(*case.refuse)
        fault = case.take("api" if is_api else "hub")
        if fault and fault != "direct" and self.common_fault(fault):
            return None
        if path == f"api/models/{case.repo}/revision/main":
            return self.answer_json({"id": case.repo, "sha": case.commit, "siblings": []})
        if path == f"api/models/{case.repo}/tree/{case.commit}":
            return self.tree(case, query)
        prefix = f"{case.repo}/resolve/{case.commit}/"
        cached = f"api/resolve-cache/models/{case.repo}/{case.commit}/"
        for start in (prefix, cached):
            if path.startswith(start):
                name = unquote(path[len(start):])
                file = next((f for f in case.files if f.path == name), None)
                if file is None:
                    return self.refuse(404, "EntryNotFound", "Entry not found")
                return self.resolve(case, file, start == prefix, fault)
        self.refuse(404, "RepoNotFound", "Repository not found")

    def tree(self, case, query):
        start = int(query.get("cursor", ["0"])[0])
        entries = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": "onnx"}]
        for f in case.files:
            entry = {"type": "file", "oid": f.oid, "size": f.size, "path": f.path}
            if f.large:
                entry["size"] = f.claimed_size
                entry["lfs"] = {"oid": f.claimed_sha256, "size": f.claimed_size, "pointerSize": 130}
            entries.append(entry)
        headers = {}
        if start + case.page < len(entries):
            address = (f"http://127.0.0.1:{self.server.server_port}/c/{case.number}/api/models/"
                       f"{case.repo}/tree/{case.commit}?recursive=true&cursor={start + case.page}")
            headers["Link"] = f'<{address}>; rel="next"'
        self.answer_json(entries[start:start + case.page], headers)

    def resolve(self, case, file, is_first, fault):
        headers = {"X-Repo-Commit": case.commit, "ETag": f'"{file.oid}"'}
        if file.large:
            headers["X-Linked-Etag"] = f'"{file.linked}"'
            headers["X-Linked-Size"] = str(file.claimed_size)
        if not file.large or fault == "direct":
            if is_first and case.relative_first and not file.large:
                headers["Location"] = (f"/c/{case.number}/api/resolve-cache/models/{case.repo}/"
                                       f"{case.commit}/{quote(file.path)}")
                return self.answer(307, b"", headers)
            return self.send_file(case, file, None, headers)
        index = case.files.index(file)
        headers["Location"] = (f"http://127.0.0.1:{self.server.other_port}/d/{case.number}/{index}"
                               f"?Signature={case.sign()}&Expires=1")
        self.answer(case.status, b"Found. Redirecting", headers)

    # The delivery network.

    def deliver(self, case, path, query):
        if self.headers.get("Authorization"):
            case.leaks += 1
        file = case.files[int(path)]
        fault = case.take("cdn")
        if fault == "expire":
            case.signatures.clear()
        if query.get("Signature", [""])[0] not in case.signatures:
            return self.refuse(403, "", "Request has expired")
        if fault and self.common_fault(fault):
            return None
        self.send_file(case, file, fault, {"ETag": f'"cdn-{random.random()}"'})

    def common_fault(self, kind):
        """Carries out a fault that brings no byte of a file; true when it has."""
        if kind == "drop_head":
            self.close_connection = True
            self.reset(random.random() < 0.5)
        elif kind == "stall_head":
            self.close_connection = True
            self.wait_for_hangup()
        elif kind.startswith("s") and kind[1:4].isdigit():
            headers = {}
            if kind == "s429":
                headers["Retry-After"] = "0"
            elif kind == "s429_ratelimit":
                headers = {"RateLimit": '"resolvers";r=0;t=0', "RateLimit-Policy": '"fixed window"'}
            self.refuse(int(kind[1:4]), "", "a fault", headers)
        elif kind == "html":
            self.answer(200, b"<html>Sign in to this network</html>", {"Content-Type": "text/html"})
        elif kind == "loop":
            self.answer(302, b"", {"Location": self.path})
        elif kind == "to_file":
            self.answer(302, b"", {"Location": random.choice(["file:///etc/passwd", "ftp://x/y"])})
        elif kind == "to_nowhere":
            self.answer(302, b"", random.choice([{}, {"Location": "http://"}]))
        elif kind == "garbage":
            self.close_connection = True
            self.wfile.write(b"\x00\x01\x02 not HTTP at all \xff\xfe" * 10)
        elif kind == "long_headers":
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X-Junk: " + b"j" * 400_000 + b"\r\n\r\n")
        else:
            return False
        return True

    def send_file(self, case, file, fault, headers):
        start, end = 0, file.size
        asked = self.headers.get("Range")
        status = 200
        if asked and asked.startswith("bytes=") and fault not in ("whole", "whole_chunked"):
            first, last = asked[6:].split("-")
            start, end = int(first), min(int(last) + 1 if last else file.size, file.size)
            if start >= file.size:
                return self.answer(416, b"", {"Content-Range": f"bytes */{file.size}"})
            status = 206
        body = file.content[start:end]
        total, shown_start, shown_end = file.size, start, end
        length = len(body)
        cut = None
        if fault == "short_clean" and status == 206 and length > 1:
            body = body[:length // 2]
            shown_end, length = start + len(body), len(body)
        elif fault == "short_lie":
            length = max(length - 1, 0)
            body = body[:length]
        elif fault == "long_lie":
            cut = len(body)
            length += 100 if status == 206 else 0
            shown_end += 100 if status == 206 and end + 100 <= file.size else 0
        elif fault == "wrong_total":
            total += 7
        elif fault == "wrong_start" and status == 206:
            shown_start += 1
            shown_end = max(shown_end, shown_start + 1)
        elif fault == "flip" and body:
            at = case.random.randrange(len(body))
            body = body[:at] + bytes([body[at] ^ 0x40]) + body[at + 1:]
        elif fault == "shift" and len(body) > 1:
            body = body[1:] + body[:1]
        elif fault == "duplicate" and len(body) > 1:
            half = max(len(body) // 2, 1)
            body = (body[:half] + body[:half] + body)[:len(body)]
        elif fault == "extra":
            body = file.content[start:end + 5000]
        elif fault in ("drop_mid", "reset_mid", "stall_mid"):
            cut = case.random.randrange(1, len(body)) if len(body) > 1 else 0
        headers = dict(headers)
        headers["Accept-Ranges"] = "bytes"
        if status == 206:
            headers["Content-Range"] = f"bytes {shown_start}-{max(shown_end - 1, shown_start)}/{total}"
        elif fault == "wrong_total":
            length += 7
            cut = len(body)
        if fault == "gzip":
            headers["Content-Encoding"] = "gzip"
        chunked = fault in ("whole_chunked", "extra")
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = str(length)
        self.start(status, headers)
        self.send_body(case, file, start, body if cut is None else body[:cut], chunked)
        if cut is not None:
            self.close_connection = True
            if fault == "stall_mid":
                self.wait_for_hangup()
            else:
                self.reset(fault == "reset_mid")

    def send_body(self, case, file, start, body, chunked):
        step = 8 << 10 if case.rate else 64 << 10
        view = memoryview(body)
        for at in range(0, len(body), step):
            part = view[at:at + step]
            if chunked:
                self.wfile.write(b"%x\r\n" % len(part) + bytes(part) + b"\r\n")
            else:
                self.request.sendall(part)
            with case.lock:
                file.sent += len(part)
            if case.rate:
                time.sleep(len(part) / case.rate)
        with case.lock:
            file.ranges.append([start, start + len(body)])
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    # Answers.

    def start(self, status, headers):
        lines = [f"HTTP/1.1 {status} X"] + [f"{name}: {value}" for name, value in headers.items()]
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def answer(self, status, body, headers=None):
        headers = dict(headers or {})
        headers["Content-Length"] = str(len(body))
        self.start(status, headers)
        self.wfile.write(body)

    def answer_json(self, value, headers=None):
        self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def refuse(self, status, code, message, headers=None):
        headers = dict(headers or {})
        if code:
            headers["X-Error-Code"] = code
        if message:
            headers["X-Error-Message"] = message
        self.answer(status, json.dumps({"error": message}).encode(), headers)

    def reset(self, hard):
        if hard:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            try:
                self.request.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def wait_for_hangup(self):
        """Says nothing until the other side gives up, at most half a minute."""
        self.request.settimeout(30)
        try:
            while self.request.recv(1024):
                pass
        except OSError:
            pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, address):
        pass


def main():
    hub, delivery = Server(("127.0.0.1", 0), Handler), Server(("127.0.0.1", 0), Handler)
    hub.other_port, delivery.other_port = delivery.server_port, hub.server_port
    for server in (hub, delivery):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(hub.server_port, delivery.server_port, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
