#!/usr/bin/env python3
"""Turns a gpt-oss GGUF with BF16 attention and embeddings into the layout of openai/gpt-oss-20b: safetensors shards,
config.json, tokenizer.json. Usage: gguf_to_safetensors.py IN.gguf OUT_FOLDER"""
import json, os, struct, sys
import numpy as np, gguf
r = gguf.GGUFReader(sys.argv[1], "r+"); out = sys.argv[2]; os.makedirs(out, exist_ok=True)
m = {k: f.contents() for k, f in r.fields.items()}
g = lambda k: m["gpt-oss." + k]
T = {t.name: t for t in r.tensors}
for t in r.tensors:  # float32 tensors of the GGUF are cut to what BF16 holds, in the file, so that both are the same network
    if t.tensor_type.name == "F32": t.data[:] = (t.data.view(np.uint32) & 0xFFFF0000).view(np.float32)
def bf16(t):
    a = np.array(t.data)
    if t.tensor_type.name == "BF16": return a.view(np.uint16).reshape(list(t.shape)[::-1])
    u = a.astype(np.float32).view(np.uint32)
    assert not (u & 0xFFFF).any(), t.name
    return (u >> 16).astype(np.uint16).reshape(list(t.shape)[::-1])
def split(t):
    e = list(t.shape)[::-1]; b = np.array(t.data).reshape(e[0], e[1], e[2] // 32, 17)
    lo, hi = b[..., 1:] & 15, b[..., 1:] >> 4
    w = np.concatenate([lo, hi], -1)
    return (w[..., 0::2] | w[..., 1::2] << 4), b[..., 0]
S = {}
S["model.embed_tokens.weight"] = ("BF16", bf16(T["token_embd.weight"]))
S["model.norm.weight"] = ("BF16", bf16(T["output_norm.weight"])); S["lm_head.weight"] = ("BF16", bf16(T["output.weight"]))
for i in range(g("block_count")):
    b, p = f"blk.{i}.", f"model.layers.{i}."
    def put(n, t): S[p + n] = ("BF16", bf16(T[b + t]))
    put("input_layernorm.weight", "attn_norm.weight"); put("post_attention_layernorm.weight", "post_attention_norm.weight")
    for x, y in (("q", "q"), ("k", "k"), ("v", "v"), ("o", "output")):
        put(f"self_attn.{x}_proj.weight", f"attn_{y}.weight"); put(f"self_attn.{x}_proj.bias", f"attn_{y}.bias")
    put("self_attn.sinks", "attn_sinks.weight")
    put("mlp.router.weight", "ffn_gate_inp.weight"); put("mlp.router.bias", "ffn_gate_inp.bias")
    (gb, gs), (ub, us) = split(T[b + "ffn_gate_exps.weight"]), split(T[b + "ffn_up_exps.weight"])
    mix = lambda x, y: np.stack([x, y], 2).reshape(x.shape[0], -1, *x.shape[2:])
    S[p + "mlp.experts.gate_up_proj_blocks"] = ("U8", mix(gb, ub)); S[p + "mlp.experts.gate_up_proj_scales"] = ("U8", mix(gs, us))
    S[p + "mlp.experts.gate_up_proj_bias"] = ("BF16", mix(bf16(T[b + "ffn_gate_exps.bias"]), bf16(T[b + "ffn_up_exps.bias"])))
    db, ds = split(T[b + "ffn_down_exps.weight"])
    S[p + "mlp.experts.down_proj_blocks"] = ("U8", db); S[p + "mlp.experts.down_proj_scales"] = ("U8", ds)
    put("mlp.experts.down_proj_bias", "ffn_down_exps.bias")
names = list(S); half = len(names) // 2; index = {}
for k, part in enumerate((names[:half], names[half:])):
    f = f"model-{k + 1:05}-of-00002.safetensors"; head, at = {}, 0
    for n in part:
        d, a = S[n]; head[n] = {"dtype": d, "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}; at += a.nbytes; index[n] = f
    h = json.dumps(head).encode(); h += b" " * (-len(h) % 8)
    with open(f"{out}/{f}", "wb") as o:
        o.write(struct.pack("<Q", len(h)) + h)
        for n in part: o.write(np.ascontiguousarray(S[n][1]).tobytes())
json.dump({"metadata": {}, "weight_map": index}, open(out + "/model.safetensors.index.json", "w"))
toks, types = m["tokenizer.ggml.tokens"], m["tokenizer.ggml.token_type"]
json.dump({"model": {"type": "BPE", "vocab": {t: i for i, (t, k) in enumerate(zip(toks, types)) if k != 3}, "merges": m["tokenizer.ggml.merges"]},
           "added_tokens": [{"id": i, "content": t, "special": True} for i, (t, k) in enumerate(zip(toks, types)) if k == 3]},
          open(out + "/tokenizer.json", "w"), ensure_ascii=False)
L = g("block_count")
json.dump({"model_type": "gpt_oss", "hidden_size": g("embedding_length"), "num_hidden_layers": L, "num_attention_heads": g("attention.head_count"),
           "num_key_value_heads": g("attention.head_count_kv"), "head_dim": g("attention.key_length"), "vocab_size": len(toks),
           "intermediate_size": g("expert_feed_forward_length"), "num_local_experts": g("expert_count"), "num_experts_per_tok": g("expert_used_count"),
           "sliding_window": g("attention.sliding_window"), "layer_types": ["sliding_attention" if i % 2 == 0 else "full_attention" for i in range(L)],
           "rms_norm_eps": 1e-5, "max_position_embeddings": g("context_length"), "rope_theta": g("rope.freq_base"), "swiglu_limit": 7.0,
           "rope_scaling": {"rope_type": "yarn", "factor": g("rope.scaling.factor"), "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
                            "original_max_position_embeddings": g("rope.scaling.original_context_length")}}, open(out + "/config.json", "w"), indent=1)
with open(out + "/chat_template.jinja", "w") as o: o.write("<|start|>{{ role }}<|message|>{{ content }}<|end|>\n")
