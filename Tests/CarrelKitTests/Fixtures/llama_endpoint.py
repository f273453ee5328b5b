"""llama.cpp's own server (PyPI: xllamacpp) over one GGUF file, on loopback.

    python3 llama_endpoint.py MODEL.gguf

Prints its port; ends when its standard input closes.
"""

import os
import sys

import xllamacpp

# What it has to say goes to standard error; standard output carries the port.
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.n_ctx = 2048
parameters.n_parallel = 1
parameters.cpuparams.n_threads = 2
parameters.hostnames = ["127.0.0.1"]
parameters.port = 0
server = xllamacpp.Server(parameters)
print(server.listening_address.rsplit(":", 1)[1], file=out, flush=True)
sys.stdin.read()
os._exit(0)
