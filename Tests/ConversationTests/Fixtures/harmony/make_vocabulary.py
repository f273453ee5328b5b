"""Cuts the o200k_harmony vocabulary down to what the Harmony tests need.

usage: TIKTOKEN_ENCODINGS_BASE=<folder of o200k_base.tiktoken> python make_harmony_vocabulary.py FIXTURES
Needs openai-harmony 0.0.8. Reads render.json and stream.json in FIXTURES, writes vocabulary.json there.
"""
import base64, json, os, sys
from openai_harmony import HarmonyEncodingName, load_harmony_encoding

folder = sys.argv[1]
encoding = load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)
ranks = {}
for line in open(os.environ["TIKTOKEN_ENCODINGS_BASE"] + "/o200k_base.tiktoken"):
    text, rank = line.split()
    ranks[int(rank)] = base64.b64decode(text)
render = json.load(open(folder + "/render.json"))["cases"]
stream = json.load(open(folder + "/stream.json"))["cases"]

# Every id of the cases, every single byte, and one token that ends inside a character (H47).
used = {i for case in render + stream for i in case["ids"]} | {9552}
used |= {rank for rank, text in ranks.items() if len(text) == 1}
# Words of the streams written by hand in the tests.
words = (
    "Hello world Hi analysis commentary final assistant user system developer to functions browser "
    "search json code tool thoughts Final fin think thinking answer The the more text Plan need oops "
    "shell We should do Half done words one two"
).split()
for word in words:
    for form in (word, " " + word):
        used.update(encoding.encode(form, disallowed_special=()))

START, MESSAGE = 200006, 200008
BOUNDARIES = {200002, 200007, 200012}
pieces = {}
def add(text):
    pieces[text] = encoding.encode(text, disallowed_special=())
for case in render:
    for message in case["conversation"]["messages"]:
        add(message["name"] if message["role"] == "tool" else message["role"])
        if message.get("recipient"): add(" to=" + message["recipient"])
        if message.get("channel"): add(message["channel"])
        kind = message.get("content_type")
        if kind:
            marker = "<|constrain|>"
            if kind.startswith(marker):
                add(" ")
                add(kind[len(marker):])
            else:
                add(" " + kind)
    add("assistant")
    body = None
    for id in case["ids"]:
        if id == MESSAGE: body = []
        elif id in BOUNDARIES:
            pieces[encoding.decode(body)] = body
            body = None
        elif body is not None: body.append(id)
for ids in pieces.values(): used.update(ids)

json.dump(
    {"vocabulary": {str(i): ranks[i].hex() for i in sorted(used) if i in ranks},
     "pieces": [{"text": t, "ids": i} for t, i in sorted(pieces.items())]},
    open(folder + "/vocabulary.json", "w"), indent=0)
