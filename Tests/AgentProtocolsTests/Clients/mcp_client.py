"""Speaks to `carrel mcp` with the reference client (mcp), in both generations of the protocol.

    mcp_client.py CARREL FOLDER

FOLDER is empty and becomes the workspace; models are found through CARREL_MODELS. Every message of
the server is validated against the schema of the version that was agreed on, and every tool's result
against the schema the server gave for it.
"""

import contextlib
import os
import sys

import anyio
import mcp_types as types
import mcp_types._v2025_11_25 as old
import mcp_types._v2026_07_28 as new
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

from checks import GATE, INDEX, expect, index, run, validate, write

CARREL, FOLDER = sys.argv[1], os.path.realpath(sys.argv[2])
DOCS = FOLDER + "/docs"
MODEL = "smollm2-135m-instruct-q4_1"
TOOLS = ["search_documents", "read_chunk", "ask", "index_path", "status"]

RESULTS = {
    "initialize": "InitializeResult", "server/discover": "DiscoverResult",
    "tools/list": "ListToolsResult", "tools/call": "CallToolResult",
    "resources/list": "ListResourcesResult", "resources/read": "ReadResourceResult",
    "resources/templates/list": "ListResourceTemplatesResult",
}

NOTIFICATIONS = {
    "notifications/progress": "ProgressNotificationParams",
    "notifications/resources/list_changed": "NotificationParams",
    "notifications/subscriptions/acknowledged": "SubscriptionsAcknowledgedNotificationParams",
}


class Wire:
    """A transport that notes what passes."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.asked = {}
        self.received = []

    @contextlib.asynccontextmanager
    async def open(self):
        async with stdio_client(self.parameters) as (read, write):
            out_send, out_receive = anyio.create_memory_object_stream(0)
            in_send, in_receive = anyio.create_memory_object_stream(0)

            async def outgoing():
                async with out_receive, write:
                    async for item in out_receive:
                        message = item.message
                        if isinstance(message, types.JSONRPCRequest):
                            self.asked[message.id] = message.method
                        await write.send(item)

            async def incoming():
                async with in_send:
                    async for item in read:
                        expect(not isinstance(item, Exception), "no message", item)
                        self.received.append(item.message)
                        with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                            await in_send.send(item)

            async with anyio.create_task_group() as group:
                group.start_soon(outgoing)
                group.start_soon(incoming)
                yield in_receive, out_send
                group.cancel_scope.cancel()

    async def __aenter__(self):
        self.context = self.open()
        return await self.context.__aenter__()

    async def __aexit__(self, *error):
        return await self.context.__aexit__(*error)

    def check(self, module):
        answered = set()
        for message in self.received:
            raw = message.model_dump(mode="json", by_alias=True, exclude_unset=True)
            if isinstance(message, types.JSONRPCResponse):
                expect(message.id not in answered, "answered twice", raw)
                answered.add(message.id)
                name = RESULTS.get(self.asked[message.id])
                if name == "DiscoverResult":
                    validate(new.DiscoverResult, raw["result"], name)
                elif name:
                    validate(getattr(module, name), raw["result"], name)
            elif isinstance(message, types.JSONRPCNotification):
                name = NOTIFICATIONS.get(raw["method"])
                expect(name, "an unknown notification", raw)
                validate(getattr(module, name), raw["params"], name)
        return len(self.received)


async def refused(awaitable, code, what):
    try:
        await awaitable
    except MCPError as error:
        expect(error.code == code, f"{what}: expected {code}", error)
        return
    expect(False, f"{what} was not refused")


async def tool(client, name, arguments=None, **more):
    result = await client.call_tool(name, arguments or {}, **more)
    expect(not result.is_error, f"{name} failed", result.content)
    return result.structured_content


async def failing(client, name, arguments, word):
    result = await client.call_tool(name, arguments)
    expect(result.is_error and word in result.content[0].text, f"{name} {arguments}", result)


async def everything(client, modern):
    tools = (await client.list_tools()).tools
    expect([t.name for t in tools] == TOOLS, "tools", tools)
    expect(all(t.input_schema and t.output_schema for t in tools), "schemas", tools)

    # Searching and reading.
    found = await tool(client, "search_documents", {"query": "which model fits", "limit": 3})
    hit = found["hits"][0]
    expect(hit["path"] == DOCS + "/gate.md" and hit["startLine"] == 1, "the best hit", hit)
    expect("memory gate" in hit["text"], "its text", hit)
    read = await tool(client, "read_chunk", {"chunk": hit["chunk"], "before": 1, "after": 1})
    expect(any(c["text"] == hit["text"] for c in read["chunks"]), "the passage", read)
    expect(found["scope"] is None, "everything was searched", found)
    for filters, files in (({"in": [DOCS + "/index.md"]}, 1), ({"in": [DOCS], "since": "1h"}, 2),
                           ({"in": [DOCS], "type": ["md"], "since": "yesterday"}, 2), ({"type": ["swift"]}, 0),
                           ({"in": [FOLDER + "/nowhere"]}, 0)):
        kept = await tool(client, "search_documents", {"query": "which model fits", **filters})
        expect(kept["scope"]["files"] == files and bool(kept["hits"]) == bool(files), str(filters), kept)
        expect(files != 1 or {h["path"] for h in kept["hits"]} == {DOCS + "/index.md"}, str(filters), kept)
    await failing(client, "search_documents", {"query": "x", "in": ["docs"]}, "absolute")
    await failing(client, "ask", {"question": "x", "since": "lately"}, "2026-05-01")
    await failing(client, "read_chunk", {"chunk": 999999}, "999999")
    await failing(client, "search_documents", {"query": "x", "limit": 0}, "limit")
    await failing(client, "search_documents", {"query": "x", "colour": "red"}, "colour")
    await failing(client, "search_documents", {}, "query")
    await refused(client.call_tool("dance", {}), -32602, "an unknown tool")

    # Asking, with progress; taken back in the middle.
    steps = []

    async def progress(done, total, message):
        steps.append(done)

    answer = await tool(
        client, "ask", {"question": "What does the memory gate decide?", "maxTokens": 32},
        progress_callback=progress)
    expect(answer["answer"].strip() and answer["model"] and answer["sources"], "an answer", answer)
    expect(all(0 <= c["score"] <= 1 for c in answer["citations"]), "scores", answer["citations"])
    expect(all(-1 <= c.get("agreement", 0) <= 1 for c in answer["citations"]), "agreement", answer["citations"])
    nowhere = await tool(
        client, "ask", {"question": "What does the memory gate decide?", "type": ["swift"], "mode": "strict"})
    expect(nowhere["stop"] == "nothingRetrieved" and "swift" in nowhere["notices"][0], "filtered", nowhere)
    expect(steps and steps == sorted(set(steps)), "progress goes up", steps)
    with anyio.move_on_after(0.3):
        await client.call_tool(
            "ask", {"question": "Write a long story.", "mode": "chat", "maxTokens": 4000})
    again = await tool(client, "search_documents", {"query": "vector", "mode": "lexical"})
    expect(again["mode"] == "lexical", "alive after a cancellation", again)

    # Indexing: only what is indexed or allowed, links followed.
    write(FOLDER + "/more/extra.md", "# Extra\n\nHerons stand in shallow water.\n")
    if modern:
        async with client.listen(resources_list_changed=True, tools_list_changed=True) as changes:
            expect(changes.honored.resources_list_changed and not changes.honored.tools_list_changed,
                   "what is listened to", changes.honored)
            write(FOLDER + "/more/new.md", "# New\n")
            await tool(client, "index_path", {"path": FOLDER + "/more"})
            with anyio.fail_after(5):
                await anext(changes)
        os.remove(FOLDER + "/more/new.md")
    summary = await tool(client, "index_path", {"path": FOLDER + "/more"})
    expect(summary["added"] + summary["unchanged"] == 1, "the allowed folder", summary)
    write(FOLDER + "/secret/key.txt", "the secret key\n")
    for link, target in ((DOCS + "/link", FOLDER + "/secret"), (DOCS + "/key.md", FOLDER + "/secret/key.txt")):
        if not os.path.islink(link):
            os.symlink(target, link)
    for path in (FOLDER + "/secret", DOCS + "/../secret", DOCS + "/link", DOCS + "/key.md", "/etc", "/"):
        await failing(client, "index_path", {"path": path}, "indexed folder")
    await failing(client, "index_path", {"path": "docs"}, "absolute")
    card = await tool(client, "status")
    expect(card["index"]["files"] == 3, "status", card["index"])

    # Resources.
    page = await client.list_resources()
    uris = {r.uri for r in page.resources}
    gate = "file://" + DOCS + "/gate.md"
    expect(gate in {str(u) for u in uris} and len(uris) == 3, "resources", uris)
    contents = (await client.read_resource(gate)).contents
    expect(contents[0].text == GATE, "the file as it is", contents)
    expect((await client.list_resource_templates()).resource_templates, "templates")
    missing = -32602 if modern else -32002
    for path in ("/etc/passwd", FOLDER + "/secret/key.txt", DOCS + "/../secret/key.txt",
                 DOCS + "/link/key.txt", DOCS + "/key.md", DOCS):
        await refused(client.read_resource("file://" + path), missing, path)
    await refused(client.read_resource("https://example.org/"), missing, "another scheme")
    # A file that became a link after it was indexed is not followed out of the folder.
    extra = FOLDER + "/more/extra.md"
    os.remove(extra)
    os.symlink(FOLDER + "/secret/key.txt", extra)
    await refused(client.read_resource("file://" + extra), missing, "an exchanged file")
    os.remove(extra)


async def main():
    write(DOCS + "/gate.md", GATE)
    write(DOCS + "/index.md", INDEX)
    index(CARREL, DOCS)
    parameters = StdioServerParameters(
        command=CARREL, args=["mcp", "--model", MODEL, "--temperature", "0", FOLDER + "/more"], env=dict(os.environ))
    count = 0
    for mode, version, module in (("legacy", "2025-11-25", old), ("auto", "2026-07-28", new)):
        wire = Wire(parameters)
        async with Client(wire, mode=mode) as client:
            expect(client.protocol_version == version, "the version agreed on", client.protocol_version)
            expect(client.server_info.name == "carrel", "serverInfo", client.server_info)
            await everything(client, modern=mode == "auto")
        count += wire.check(module)
    print(count, "messages validated")


run(main)
