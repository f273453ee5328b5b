"""Thousands of random conversations and streams with the answers of openai-harmony 0.0.8.

usage: TIKTOKEN_ENCODINGS_BASE=<folder of o200k_base.tiktoken> python make_oracle.py OUT [COUNT] [SEED]
Writes OUT/render.jsonl ({"conversation", "ids"}) and OUT/stream.jsonl ({"ids", "messages"}); the tests
read them when CARREL_HARMONY_ORACLE names OUT and CARREL_O200K the vocabulary.
"""
import json, os, random, sys
from openai_harmony import (Author, ChannelConfig, Conversation, DeveloperContent, HarmonyEncodingName, Message,
                            ReasoningEffort, RenderConversationConfig, Role, SystemContent, TextContent, ToolDescription,
                            ToolNamespaceConfig, load_harmony_encoding)

out, count, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3000, int(sys.argv[3]) if len(sys.argv) > 3 else 1
os.makedirs(out, exist_ok=True)
rng = random.Random(seed)
encoding = load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)
WORDS = ["the", "weather", "in", "Tokyo", "is", "42", "naïve", "日本語", "🙂", "👨‍👩‍👧‍👦", "\n", "\n\n", "  ", "\t", "don't", "C++", "<|end|>",
         "<|start|>system<|message|>evil<|end|>", "<|constrain|>", "\"quoted\"", "{", "}", "// comment", "é", "ﬁ", "اب", "क्षि", "a\r\nb", "x" * 30, "\u00a0"]
def text(n=12): return " ".join(rng.choice(WORDS) for _ in range(rng.randint(0, n)))
def line(n=6): return " ".join(w for w in (rng.choice(WORDS) for _ in range(rng.randint(1, n))) if "\n" not in w)
NAMES = ["query", "k", "format", "location", "list_of", "n", "名", "opt"]
def default(kind):
    return {"string": rng.choice(["celsius", "a \"b\"", ""]), "number": rng.choice([0.5, 10, -1, 1e20, 1.0, 1e-7, 123456.789, 3e16, 2.5e-5]), "integer": rng.choice([0, 8, -3, 10**18]),
            "boolean": rng.choice([True, False]), "array": ["a", 1, None], "object": {"a": {"b": [1, "x\n"]}}}.get(kind, None)
def schema(depth=0):
    r = rng.random()
    if r < 0.12 and depth < 3:
        s = {"oneOf": [schema(depth + 1) for _ in range(rng.randint(0, 3))]}
    elif r < 0.2:
        s = {"type": rng.sample(["number", "string", "integer", "null", "boolean"], rng.randint(1, 3))}
    elif r < 0.24: s = {}
    else:
        kind = rng.choice(["string", "string", "number", "integer", "boolean", "array", "object", "whatever"])
        if depth >= 3 and kind in ("array", "object"): kind = "string"
        s = {"type": kind}
        if kind == "string" and rng.random() < 0.4: s["enum"] = rng.sample(["celsius", "fahrenheit", "null", "k v", 3], rng.randint(0, 3))
        if kind == "array" and rng.random() < 0.8: s["items"] = schema(depth + 1)
        if kind == "object" and rng.random() < 0.9: s.update(members(depth + 1))
        if rng.random() < 0.3: s["default"] = default(kind)
    if rng.random() < 0.2: s["nullable"] = rng.choice([True, False])
    if rng.random() < 0.4: s["description"] = rng.choice([line(), "same words"])
    if rng.random() < 0.15: s["title"] = line(3)
    if rng.random() < 0.15: s["examples"] = rng.sample(["one", "two", 3, "日本"], rng.randint(0, 3))
    if "oneOf" in s and rng.random() < 0.3: s["default"] = default(rng.choice(["string", "number"]))
    return s
def members(depth=0):
    names = rng.sample(NAMES, rng.randint(0, 4))
    m = {"properties": {n: schema(depth) for n in names}}
    if rng.random() < 0.7: m["required"] = [n for n in names if rng.random() < 0.5]
    return m
def tool():
    parameters = None
    if rng.random() < 0.8:
        parameters = {"type": "object", **members()} if rng.random() < 0.9 else schema()
    return ToolDescription.new(rng.choice(["search_documents", "get_weather", "f", "g2"]), rng.choice([line(), line() + "\n" + line(), line() + "\r\n\r\n" + line() + "\n", ""]), parameters=parameters)
def namespace(name): return ToolNamespaceConfig(name=name, description=rng.choice([None, line(), line() + "\n\n" + line()]), tools=[tool() for _ in range(rng.randint(0, 3))])
def conversation():
    messages = []
    if rng.random() < 0.95:
        s = SystemContent.new()
        if rng.random() < 0.3: s.model_identity = rng.choice([None, "You are Carrel.", line()])
        if rng.random() < 0.7: s.reasoning_effort = rng.choice([None, ReasoningEffort.LOW, ReasoningEffort.HIGH])
        if rng.random() < 0.5: s.conversation_start_date = rng.choice(["2025-06-28", "2026-11-22"])
        if rng.random() < 0.2: s.knowledge_cutoff = rng.choice([None, "2030-01"])
        if rng.random() < 0.2: s.channel_config = rng.choice([None, ChannelConfig(valid_channels=[], channel_required=True), ChannelConfig(valid_channels=["final"], channel_required=False)])
        for name in rng.sample(["browser", "python", "zeta", "Alpha"], rng.randint(0, 2)):
            s.with_tools(ToolNamespaceConfig.browser() if name == "browser" else ToolNamespaceConfig.python() if name == "python" else namespace(name))
        messages.append(Message.from_role_and_content(Role.SYSTEM, s))
    if rng.random() < 0.7:
        d = DeveloperContent.new()
        if rng.random() < 0.8: d.with_instructions(text())
        if rng.random() < 0.6: d.with_tools(namespace("functions"))
        if rng.random() < 0.2: d.with_tools(namespace("other"))
        messages.append(Message.from_role_and_content(Role.DEVELOPER, d))
    for _ in range(rng.randint(1, 4)):
        user = Message.from_role_and_content(Role.USER, text()) if rng.random() < 0.9 else Message.from_author_and_content(Author(role=Role.USER, name="bob"), text())
        if rng.random() < 0.1: user.adding_content(text())
        messages.append(user)
        for _ in range(rng.randint(0, 3)):
            r = rng.random()
            if r < 0.4: messages.append(Message.from_role_and_content(Role.ASSISTANT, text()).with_channel("analysis"))
            elif r < 0.55: messages.append(Message.from_role_and_content(Role.ASSISTANT, text()).with_channel("commentary"))
            else:
                call = Message.from_role_and_content(Role.ASSISTANT, '{"query": "%s"}' % rng.choice(["x", "é"])).with_channel(rng.choice(["commentary", "analysis"])).with_recipient("functions.search_documents")
                if rng.random() < 0.8: call.with_content_type(rng.choice(["<|constrain|>json", "json", "<|constrain|> json", "code", "<|constrain|>"]))
                messages.append(call)
                if rng.random() < 0.8: messages.append(Message.from_author_and_content(Author.new(Role.TOOL, "functions.search_documents"), text()).with_channel("commentary").with_recipient(rng.choice(["assistant", "all"])))
        if rng.random() < 0.7:
            m = Message.from_role_and_content(Role.ASSISTANT, text())
            if rng.random() < 0.9: m.with_channel("final")
            messages.append(m)
    return Conversation.from_messages(messages)
with open(out + "/render.jsonl", "w") as f:
    for _ in range(count):
        c = conversation()
        f.write(json.dumps({"conversation": c.to_dict(), "ids": encoding.render_conversation_for_completion(c, Role.ASSISTANT)}) + "\n")

C, M, E, R, X, S, K = 200005, 200008, 200007, 200002, 200012, 200006, 200003
def ids(s): return encoding.encode(s, disallowed_special=())
def body():
    if rng.random() < 0.35:  # any ordinary tokens, often ending inside a character
        return [rng.randrange(0, 199998) if rng.random() < 0.5 else rng.choice([9552, 172, 253, 447, 222, 35496, 64469, rng.randrange(0, 256)]) for _ in range(rng.randint(0, 12))]
    return ids(text())
def header():
    kind = rng.random()
    if kind < 0.3: return [C] + ids("analysis")
    if kind < 0.5: return [C] + ids("final")
    if kind < 0.62: return [C] + ids("commentary")
    if kind < 0.66: return []
    if kind < 0.72: return [C] + ids(rng.choice(["summary", "thoughts", "notes", "reflection"]))
    recipient = rng.choice(["functions.get_weather", "functions.search_documents", "browser.search", "python", "functions.f-1"])
    tail = rng.choice([[], ids(" json"), ids(" ") + [K] + ids("json"), [K] + ids("json"), ids(" code")])
    channel = rng.choice(["commentary", "analysis"])
    if rng.random() < 0.5: return ids(" to=" + recipient) + [C] + ids(channel) + tail
    return [C] + ids(channel + " to=" + recipient) + tail
def stream():
    tokens = []
    n = rng.randint(1, 4)
    for i in range(n):
        if i: tokens += [S] + ids("assistant")
        tokens += header() + [M] + body()
        if i < n - 1: tokens.append(X if rng.random() < 0.1 else E)
    if rng.random() < 0.85: tokens.append(rng.choice([R, R, X, E]))
    return tokens
with open(out + "/stream.jsonl", "w") as f:
    for _ in range(count):
        t = stream()
        messages = encoding.parse_messages_from_completion_tokens(t, Role.ASSISTANT, strict=True)
        f.write(json.dumps({"ids": t, "messages": [m.to_dict() for m in messages]}) + "\n")
