"""Renders conversations with the chat templates of several families and cuts them into ids.

usage: python make_chat.py OUT.json        (needs jinja2)
The templates are written here in the families' style; SmolLM2's is its GGUF's own string.
Ids: a control token has its index in "controls" + 1000; the bytes of a text between two of them have
their value, the first byte of each such text + 256, so that the cuts are tested too.
"""
import json, re, sys
from jinja2 import Environment

SMOL = """{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""
LLAMA3 = """{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""
LLAMA31 = """{{ bos_token }}{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content']|trim %}{%- set messages = messages[1:] %}{%- else %}{%- set system_message = '' %}{%- endif %}{{ '<|start_header_id|>system<|end_header_id|>\n\n' }}{{ 'Cutting Knowledge Date: December 2023\n' }}{{ 'Today Date: ' + date_string + '\n\n' }}{{ system_message }}{{ '<|eot_id|>' }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""
GEMMA = """{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}{%- set prefix = messages[0]['content'] | trim + '\n\n' -%}{%- set rest = messages[1:] -%}{%- else -%}{%- set prefix = '' -%}{%- set rest = messages -%}{%- endif -%}{%- for message in rest -%}{%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}{{ '<start_of_turn>' + role + '\n' + (prefix if loop.first else '') }}{{ message['content'] | trim }}{{ '<end_of_turn>\n' }}{%- endfor -%}{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"""
MISTRAL3 = """{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + '[/INST]' }}{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}"""
QWEN3 = """{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}"""

FAMILIES = [
    ("chatml", "SmolLM2", SMOL, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "<|endoftext|>", "<|im_end|>", False, {}),
    ("chatml", "Qwen 3, thinking", QWEN3, ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"], None, "<|im_end|>", False, {}),
    ("chatml", "Qwen 3, not thinking", QWEN3, ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"], None, "<|im_end|>", False, {"enable_thinking": False}),
    ("llama3", "Llama 3", LLAMA3, ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], "<|begin_of_text|>", "<|eot_id|>", True, {}),
    ("llama3", "Llama 3.1", LLAMA31, ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], "<|begin_of_text|>", "<|eot_id|>", True, {"date_string": "28 Jun 2025"}),
    ("gemma", "Gemma 3", GEMMA, ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"], "<bos>", "<eos>", True, {}),
    ("mistral", "Mistral 7B v0.3", MISTRAL3, ["<s>", "</s>", "[INST]", "[/INST]"], "<s>", "</s>", True, {}),
]
S, U, A = (lambda r: lambda t: {"role": r, "content": t})("system"), (lambda t: {"role": "user", "content": t}), (lambda t: {"role": "assistant", "content": t})
CONVERSATIONS = [
    [S("You answer from the documents."), U("What is a carrel?")],
    [S("Be brief."), U("One?"), A("Yes."), U("Two?"), A("No.\n\nReally."), U("Three? é 日本 🙂")],
    [S("  Spaces around  "), U("\n\nlines\n\nin it\n"), A("  ok "), U(" go ")],
    [S(""), U("x")],
]
cases = []
for family, name, template, controls, bos, eos, adds_bos, extra in FAMILIES:
    compiled = Environment().from_string(template)
    number = {c: 1000 + i for i, c in enumerate(controls)}
    pattern = re.compile("(" + "|".join(map(re.escape, controls)) + ")")
    for messages in CONVERSATIONS:
        if family == "mistral": messages = messages[1:]
        if family == "mistral" and any(m["content"] != m["content"].strip() for m in messages): continue
        text = compiled.render(messages=messages, bos_token=bos or "", eos_token=eos, add_generation_prompt=True, **extra)
        ids = []
        for part in pattern.split(text):
            if part in number: ids.append(number[part])
            else:
                bytes_ = list(part.encode())
                if bytes_: bytes_[0] += 256
                ids += bytes_
        cases.append({"family": family, "name": name, "template": template, "controls": controls, "bos": bos, "eos": eos,
                      "addsBOS": adds_bos, "thinks": extra.get("enable_thinking", True), "messages": messages, "text": text, "ids": ids})
json.dump({"cases": cases}, open(sys.argv[1], "w"), indent=0)
print(len(cases))
