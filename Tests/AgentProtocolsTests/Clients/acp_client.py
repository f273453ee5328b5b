"""Speaks to `carrel acp` with the reference client (agent-client-protocol), as an editor does.

    acp_client.py CARREL FOLDER

FOLDER is empty and becomes the workspace; models are found through CARREL_MODELS. Every message of
the agent is validated against the client's schema.
"""

import asyncio
import os
import sys
import time

import acp
from acp import schema
from acp.client.connection import ClientSideConnection

from checks import GATE, INDEX, expect, run, validate, write

CARREL, FOLDER = sys.argv[1], os.path.realpath(sys.argv[2])
DOCS = FOLDER + "/docs"
MODEL = "smollm2-135m-instruct-q4_1"

RESULTS = {
    "initialize": schema.InitializeResponse,
    "session/new": schema.NewSessionResponse,
    "session/load": schema.LoadSessionResponse,
    "session/resume": schema.ResumeSessionResponse,
    "session/list": schema.ListSessionsResponse,
    "session/close": schema.CloseSessionResponse,
    "session/prompt": schema.PromptResponse,
    "session/set_mode": schema.SetSessionModeResponse,
    "session/set_config_option": schema.SetSessionConfigOptionResponse,
}


class Editor:
    """A client that records."""

    def __init__(self):
        self.updates = []
        self.arrived = asyncio.Event()
        self.notes = []

    def on_connect(self, conn):
        pass

    async def session_update(self, session_id, update, **kwargs):
        self.updates.append((session_id, update, kwargs))
        self.arrived.set()

    async def ext_notification(self, method, params):
        self.notes.append((method, params))

    def of(self, session_id, *kinds):
        return [u for s, u, _ in self.updates if s == session_id and u.session_update in kinds]

    async def until(self, condition, sentence, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            expect(time.monotonic() < end, "waited in vain until " + sentence)
            self.arrived.clear()
            try:
                await asyncio.wait_for(self.arrived.wait(), 0.2)
            except asyncio.TimeoutError:
                pass


class Wire:
    """Validates every message of the agent, and counts the answers to each request."""

    def __init__(self):
        self.asked = {}
        self.answers = {}
        self.problems = []
        self.count = 0

    def __call__(self, event):
        message = event.message
        try:
            if event.direction.value == "outgoing":
                if "id" in message:
                    self.asked[message["id"]] = message["method"]
                return
            self.count += 1
            expect(message.get("jsonrpc") == "2.0", "no JSON-RPC 2.0", message)
            if message.get("method") == "session/update":
                validate(schema.SessionNotification, message["params"], "session/update")
            elif "method" not in message:
                expect(("result" in message) != ("error" in message), "not one of two", message)
                self.answers[message["id"]] = self.answers.get(message["id"], 0) + 1
                expect(self.answers[message["id"]] == 1, "answered twice", message)
                if "error" in message:
                    validate(schema.Error, message["error"], "an error")
                elif (model := RESULTS.get(self.asked[message["id"]])) is not None:
                    validate(model, message["result"], self.asked[message["id"]])
        except Exception as problem:  # noqa: BLE001 - told at the end
            self.problems.append(str(problem))


async def refused(awaitable, code, what):
    try:
        await awaitable
    except acp.RequestError as error:
        expect(error.code == code, f"{what}: expected {code}", error.code, str(error))
        return str(error)
    expect(False, f"{what} was not refused")


def chunks(updates):
    return "".join(u.content.text for u in updates)


async def main():
    write(DOCS + "/gate.md", GATE)
    write(DOCS + "/index.md", INDEX)
    process = await asyncio.create_subprocess_exec(
        CARREL, "acp", "--model", MODEL, "--temperature", "0", "--max-tokens", "96",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24)
    editor, wire = Editor(), Wire()
    agent = ClientSideConnection(editor, process.stdin, process.stdout, observers=[wire])
    rpc = agent._conn.send_request

    # Beginning.
    await refused(agent.new_session(cwd=DOCS), -32600, "a session before initialize")
    newer = await agent.initialize(protocol_version=2)
    expect(newer.protocol_version == 1, "a newer version is answered with ours", newer)
    hello = await agent.initialize(protocol_version=1)
    expect(hello.agent_capabilities.load_session, "loadSession", hello)
    expect(hello.agent_info.name == "carrel", "agentInfo", hello)
    await refused(agent.new_session(cwd="docs"), -32602, "a relative cwd")
    await refused(rpc("session/nothing", {}), -32601, "an unknown method")
    await refused(rpc("session/prompt", {"sessionId": 5}), -32602, "a wrong type")
    await refused(agent.prompt("no-such-session", [acp.text_block("x")]), -32002, "no session")

    # A session, its options, its commands.
    new = await agent.new_session(cwd=DOCS)
    one = new.session_id
    expect(new.modes.current_mode_id == "documents", "the first mode", new.modes)
    options = {o.id: o for o in new.config_options}
    expect(set(options) == {"model", "effort", "retrieval", "thoughts"}, "options", options)
    expect(options["retrieval"].type == "select", "no booleans unless announced", options)
    values = [v.value for v in options["model"].options]
    expect(MODEL in values and "auto" in values, "models", values)
    await editor.until(lambda: editor.of(one, "available_commands_update"), "commands came")
    changed = await agent.set_config_option("effort", one, "high")
    expect(next(o for o in changed.config_options if o.id == "effort").current_value == "high",
           "effort", changed)
    await refused(agent.set_config_option("effort", one, "huge"), -32602, "an unknown effort")
    await refused(agent.set_config_option("colour", one, "red"), -32602, "an unknown option")
    await refused(agent.set_session_mode(one, "poetry"), -32602, "an unknown mode")
    await agent.set_session_mode(one, "strict")
    await editor.until(lambda: editor.of(one, "config_option_update"), "the options came")
    await agent.set_config_option("retrieval", one, "off")
    await editor.until(lambda: editor.of(one, "current_mode_update"), "the mode came")
    expect(editor.of(one, "current_mode_update")[-1].current_mode_id == "chat", "off is chat")
    await agent.set_session_mode(one, "documents")

    # Indexing, by command.
    done = await agent.prompt(one, [acp.text_block("/index")])
    expect(done.stop_reason == "end_turn", "the end of /index", done)
    expect("2 files added" in chunks(editor.of(one, "agent_message_chunk")), "/index", editor.updates)

    # Searching, by command, with filters.
    editor.updates.clear()
    await agent.prompt(one, [acp.text_block("/search memory --type md --since 1h")])
    expect("gate.md" in chunks(editor.of(one, "agent_message_chunk")), "/search", editor.updates)
    editor.updates.clear()
    await agent.prompt(one, [acp.text_block("/search memory --in nowhere")])
    expect("No indexed document is in " in chunks(editor.of(one, "agent_message_chunk")),
           "/search elsewhere", editor.updates)
    await refused(agent.prompt(one, [acp.text_block("/search memory --since lately")]), -32602, "a bad day")

    # A question: model loaded, documents searched, answer streamed.
    editor.updates.clear()
    done = await agent.prompt(one, [acp.text_block("What does the memory gate decide?")])
    expect(done.stop_reason in ("end_turn", "max_tokens"), "the end of the answer", done)
    calls = editor.of(one, "tool_call")
    expect(any(c.kind == "other" and "Loading smollm2" in c.title for c in calls), "load", calls)
    search = next((c for c in calls if c.kind == "search"), None)
    expect(search is not None, "a search", calls)
    ends = [u for u in editor.of(one, "tool_call_update") if u.tool_call_id == search.tool_call_id]
    expect(ends and ends[-1].status == "completed", "the search ended", ends)
    expect(ends[-1].locations[0].path.endswith("/gate.md") and ends[-1].locations[0].line == 1,
           "where it found something", ends[-1].locations)
    pieces = editor.of(one, "agent_message_chunk")
    expect(len(pieces) > 3 and chunks(pieces).strip(), "pieces of the answer", pieces)
    routed = [u for s, u, _ in editor.updates if s == one and u.field_meta and "carrel/route" in u.field_meta]
    expect(len(routed) == 1, "the route, once", routed)
    usage = editor.of(one, "usage_update")[-1]
    expect(0 < usage.used < usage.size, "the filled context", usage)
    await editor.until(lambda: editor.of(one, "session_info_update"), "a title came")

    # What came with the prompt is data; what is not offered is refused.
    done = await agent.prompt(one, [
        acp.text_block("What is the code word?"),
        acp.resource_block(acp.embedded_text_resource(
            "file:///notes/code.txt", "The code word is heron.")),
        acp.resource_link_block("gate.md", "file://" + DOCS + "/gate.md"),
    ])
    expect(done.stop_reason in ("end_turn", "max_tokens"), "with attachments", done)
    await refused(agent.prompt(one, [acp.image_block("AAAA", "image/png")]), -32602, "an image")

    # Two sessions at once; a second prompt in one of them is refused.
    two = (await agent.new_session(cwd=FOLDER)).session_id
    await agent.set_session_mode(two, "chat")
    both = [asyncio.create_task(agent.prompt(s, [acp.text_block("What is a vector?")]))
            for s in (one, two)]
    await editor.until(lambda: editor.of(two, "agent_message_chunk"), "the second answers")
    busy = asyncio.create_task(agent.prompt(two, [acp.text_block("Another?")]))
    await refused(busy, -32600, "a second prompt in a session that answers")
    for done in await asyncio.gather(*both):
        expect(done.stop_reason in ("end_turn", "max_tokens"), "both end", done)

    # Cancelling: while it writes, before it writes, and for nothing.
    for early in (False, True):
        editor.updates.clear()
        turn = asyncio.create_task(
            agent.prompt(two, [acp.text_block("Write a very long story about a library.")]))
        if early:
            await asyncio.sleep(0)
        else:
            await editor.until(lambda: editor.of(two, "agent_message_chunk"), "it writes")
        started = time.monotonic()
        await agent.cancel(two)
        done = await turn
        took = time.monotonic() - started
        expect(done.stop_reason == "cancelled", "cancelled", early, done)
        expect(took < 0.2, "cancelled within 200 ms", early, took)
        await asyncio.sleep(0.05)
        count = len(editor.updates)
        await asyncio.sleep(0.2)
        expect(len(editor.updates) == count, "silence after the end", editor.updates[count:])
    await agent.cancel(two)
    await agent.cancel("no-such-session")
    done = await agent.prompt(two, [acp.text_block("Say hello.")])
    expect(done.stop_reason in ("end_turn", "max_tokens"), "the next prompt", done)

    # Kept sessions.
    listed = await agent.list_sessions()
    expect({one, two} <= {s.session_id for s in listed.sessions}, "both are listed", listed)
    expect([s.session_id for s in (await agent.list_sessions(cwd=DOCS)).sessions] == [one],
           "by folder", listed)
    await refused(agent.list_sessions(cursor="nowhere"), -32602, "an unknown cursor")
    await agent.close_session(one)
    await refused(agent.prompt(one, [acp.text_block("x")]), -32002, "a closed session")
    editor.updates.clear()
    await agent.load_session(cwd=DOCS, session_id=one)
    expect(chunks(editor.of(one, "user_message_chunk")[:1]) == "What does the memory gate decide?",
           "the history is replayed", editor.updates)
    expect(editor.of(one, "agent_message_chunk") and editor.of(one, "tool_call"), "replayed")
    done = await agent.prompt(one, [acp.text_block("And when nothing fits?")])
    expect(done.stop_reason in ("end_turn", "max_tokens"), "after loading", done)
    await agent.close_session(one)
    editor.updates.clear()
    await agent.resume_session(cwd=DOCS, session_id=one)
    await asyncio.sleep(0.1)
    expect(not editor.of(one, "user_message_chunk"), "resuming replays nothing", editor.updates)
    await refused(agent.load_session(cwd=DOCS, session_id="nope"), -32002, "an unknown session")
    await rpc("session/delete", {"sessionId": two})
    await rpc("session/delete", {"sessionId": "never-was"})
    expect(two not in {s.session_id for s in (await agent.list_sessions()).sessions}, "deleted")

    # The status card.
    card = await agent.ext_method("carrel/status", {"subscribe": True})
    model = next(m for m in card["models"] if m["id"] == MODEL)
    expect(model["state"] == "ready" and model["bytes"] > 50_000_000, "loaded", model)
    expect(card["index"]["files"] == 2 and card["disk"]["freeBytes"] > 0, "index and disk", card)
    expect(card["memory"]["residentBytes"] > 50_000_000, "memory", card["memory"])
    gone = await agent.ext_method("carrel/unload", {"model": model["id"]})
    expect(gone == {"unloaded": [model["id"]]}, "unloaded", gone)
    models = (await agent.ext_method("carrel/models", {}))["models"]
    expect(next(m for m in models if m["id"] == model["id"])["state"] == "notLoaded", "not loaded")
    back = await agent.ext_method("carrel/load", {"model": model["id"]})
    expect(back["model"]["state"] == "ready", "loaded again", back)
    steps = [p["state"] for m, p in editor.notes if "model" in m and p["id"] == model["id"]]
    expect(steps == ["unloading", "notLoaded", "loading", "ready"], "every step told", steps)
    await refused(agent.ext_method("carrel/load", {"model": "no-such-model"}), -32002, "no model")
    await refused(agent.ext_method("carrel/pull", {"model": "no-such-model"}), -32602, "no pull")
    await refused(agent.ext_method("carrel/dance", {}), -32601, "an unknown extension")

    # The end of input is the end.
    process.stdin.close()
    code = await asyncio.wait_for(process.wait(), 10)
    expect(code == 0, "exit code", code)
    expect(not wire.problems, "every message is valid", wire.problems)
    print(wire.count, "messages validated")


run(main)
