"""What both client scripts share: expectations that say what they found, and strict validation."""

import os
import subprocess
import sys


class Failed(Exception):
    pass


def expect(condition, sentence, *found):
    if not condition:
        raise Failed(sentence + (": " + " ".join(repr(f)[:1500] for f in found) if found else ""))


def validate(model, raw, what):
    """The message is read by the reference model, and nothing of it is lost, mended or unknown."""
    read = model.model_validate(raw)
    again = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    expect(again == raw, f"{what} does not survive its schema", raw, again)


GATE = """# The memory gate

The memory gate decides which model is loaded. It compares what a model needs with what the
machine has free, and picks the best model that fits. When nothing fits, the program ends with
exit code 3 and shows the arithmetic.
"""

INDEX = """# The index

Documents are cut into passages of a few hundred tokens. Every passage is stored in SQLite with
its words and with a vector of 384 numbers. A file that did not change is not read again.
"""


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def index(carrel, *paths):
    subprocess.run([carrel, "--quiet", "index", "add", *paths], check=True)


def run(main):
    """Runs a script's coroutine; a failure is one line on standard error."""
    import asyncio
    try:
        asyncio.run(asyncio.wait_for(main(), 120))
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
    print("all held")
