"""A server in the manner of OpenAI's chat completions that misbehaves on purpose, on loopback.

    python3 endpoint.py LOG

Prints its port. The first part of the path says how it behaves; see `do_POST`. Each request becomes a
line of LOG. It ends, and LOG goes, when its standard input closes.
"""

import http.server
import json
import os
import sys
import threading
import time

lock = threading.Lock()


def log(request):
    with lock, open(sys.argv[1], "a") as file:
        file.write(json.dumps(request) + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def refuse(self, status, message):
        body = json.dumps({"error": {"message": message}}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def event(self, data):
        text = data if isinstance(data, str) else json.dumps(data)
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()

    def piece(self, **delta):
        self.event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        log({"path": self.path, "authorization": self.headers.get("Authorization"), "body": request})
        way = self.path.split("/")[1]
        if way.isdigit():
            return self.refuse(int(way), "no " + "x" * 10)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        if way == "broken":
            self.send_header("Content-Length", "100000")
        self.end_headers()
        self.close_connection = True
        try:
            if way == "error":
                return self.event({"error": {"message": "the GPU is on fire"}})
            if way == "silent":
                time.sleep(60)
                return
            self.piece(role="assistant", content="")
            self.piece(reasoning_content="Two towers. ")
            for word in ("The ", "lighthouse ", "is ", "54 ", "metres ", "tall ", "[1]."):
                self.piece(content=word)
                if way in ("cut", "broken") and word == "is ":
                    return
                if way == "slow":
                    time.sleep(0.2)
            self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self.event({"choices": [], "usage": {"prompt_tokens": 40, "completion_tokens": 9}})
            self.event("[DONE]")
        except (BrokenPipeError, ConnectionResetError):
            log({"path": self.path, "dropped": True})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
# A test's server may outlive the object that would remove the log.
with lock:
    if os.path.exists(sys.argv[1]):
        os.remove(sys.argv[1])
    os._exit(0)
