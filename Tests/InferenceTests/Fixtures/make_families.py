#!/usr/bin/env python3
"""Writes micro checkpoints with random weights, one for each family of decoders, as GGUF, with the
logits of transformers in float32. Needs: pip install torch transformers gguf numpy.

Usage: make_families.py OUTPUT_FOLDER
"""
import json, math, os, sys
import numpy as np, torch, gguf
import transformers
from transformers import (AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, MistralConfig, MixtralConfig,
                          Qwen2Config, Qwen3Config, Qwen3MoeConfig, SmolLM3Config)

OUT = sys.argv[1]
VOCAB = 320
COMMON = dict(vocab_size=VOCAB, hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=512, attn_implementation="eager",
              bos_token_id=256, eos_token_id=257)

def byte_vocab():
    """256 bytes in GPT-2's spelling, then control tokens; no merges but one."""
    bs = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    cs, n = bs[:], 0
    for b in range(256):
        if b not in bs:
            bs.append(b); cs.append(256 + n); n += 1
    order = dict(zip(bs, (chr(c) for c in cs)))
    tokens = [order[b] for b in range(256)] + [f"<|special_{i}|>" for i in range(256, VOCAB)]
    return tokens, [1] * 256 + [3] * (VOCAB - 256)

def permute(w, heads):
    """Rows of a head from halves to neighbours, as converters do for the "llama" architecture."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)

def llama3_factors(c, dim):
    p = c.rope_parameters
    inv = 1.0 / (p["rope_theta"] ** (np.arange(0, dim, 2, dtype=np.float64) / dim))
    old, lo, hi, f = p["original_max_position_embeddings"], p["low_freq_factor"], p["high_freq_factor"], p["factor"]
    out = []
    for x in inv:
        wl = 2 * math.pi / x
        if wl < old / hi: out.append(1.0)
        elif wl > old / lo: out.append(f)
        else:
            s = (old / wl - lo) / (hi - lo)
            out.append(1 / ((1 - s) / f + s))
    return np.array(out, np.float32)

CASES = {
    "llama3": ("llama", LlamaConfig(**COMMON, head_dim=16, tie_word_embeddings=True, rms_norm_eps=1e-5, rope_parameters={
        "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64})),
    "llama-bias": ("llama", LlamaConfig(**{**COMMON, "num_key_value_heads": 4}, attention_bias=True, mlp_bias=True, rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0})),
    "mistral": ("llama", MistralConfig(**COMMON, head_dim=32, sliding_window=None, rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})),
    "mistral-window": ("llama", MistralConfig(**COMMON, head_dim=24, sliding_window=48, rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0})),
    "mixtral": ("llama", MixtralConfig(**COMMON, num_local_experts=6, num_experts_per_tok=2, sliding_window=None, rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})),
    "qwen2": ("qwen2", Qwen2Config(**COMMON, tie_word_embeddings=True, use_sliding_window=False, rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})),
    "qwen2-yarn": ("qwen2", Qwen2Config(**{**COMMON, "num_key_value_heads": 1}, use_sliding_window=False, rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 4.0, "original_max_position_embeddings": 64})),
    "qwen3": ("qwen3", Qwen3Config(**COMMON, head_dim=40, use_sliding_window=False, rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})),
    "qwen3moe": ("qwen3moe", Qwen3MoeConfig(**COMMON, head_dim=32, num_experts=5, num_experts_per_tok=3, moe_intermediate_size=40,
        norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[], use_sliding_window=False, rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})),
    "gemma3": ("gemma3", Gemma3TextConfig(**{**COMMON, "num_hidden_layers": 7}, head_dim=32, sliding_window=24, query_pre_attn_scalar=32,
        rms_norm_eps=1e-6, hidden_activation="gelu_pytorch_tanh", layer_types=["sliding_attention"] * 5 + ["full_attention", "sliding_attention"],
        rope_parameters={"full_attention": {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0},
                         "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}})),
    "smollm3": ("smollm3", SmolLM3Config(**{**COMMON, "num_hidden_layers": 5}, pad_token_id=None, tie_word_embeddings=True, use_sliding_window=False,
        no_rope_layer_interval=4, rms_norm_eps=1e-6, rope_parameters={"rope_type": "default", "rope_theta": 2000000.0})),
}

def write(name, arch, c, model):
    w = gguf.GGUFWriter(f"{OUT}/{name}.gguf", arch)
    head = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    w.add_name(f"micro {name}, random weights")
    w.add_block_count(c.num_hidden_layers); w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size); w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads); w.add_head_count_kv(c.num_key_value_heads)
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    if head != c.hidden_size // c.num_attention_heads or arch in ("qwen3", "qwen3moe", "gemma3"):
        w.add_key_length(head); w.add_value_length(head)
    if arch in ("llama", "smollm3"):
        w.add_rope_dimension_count(head); w.add_vocab_size(VOCAB)
    rope = c.rope_parameters
    if arch == "gemma3":
        w.add_sliding_window(c.sliding_window)
        rope = rope["full_attention"]
    w.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] in ("linear", "yarn"):
        w.add_rope_scaling_type(gguf.RopeScalingType(rope["rope_type"])); w.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn": w.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if name == "mistral-window": w.add_sliding_window(c.sliding_window)
    experts = getattr(c, "num_local_experts", None) or getattr(c, "num_experts", None)
    if experts:
        w.add_expert_count(experts); w.add_expert_used_count(c.num_experts_per_tok)
        if arch == "qwen3moe": w.add_expert_feed_forward_length(c.moe_intermediate_size)
    tokens, types = byte_vocab()
    w.add_tokenizer_model("gpt2"); w.add_tokenizer_pre("gpt-2"); w.add_token_list(tokens); w.add_token_types(types)
    w.add_token_merges(["t h"]); w.add_bos_token_id(256); w.add_eos_token_id(257)

    sd = {k: v.detach().numpy() for k, v in model.state_dict().items()}
    half = lambda a: a.astype(np.float16)
    def put(n, a, matrix): w.add_tensor(n, half(a) if matrix else a.astype(np.float32))
    put("token_embd.weight", sd["model.embed_tokens.weight"], True)
    norm = (lambda a: a + 1) if arch == "gemma3" else (lambda a: a)
    put("output_norm.weight", norm(sd["model.norm.weight"]), False)
    if not c.tie_word_embeddings: put("output.weight", sd["lm_head.weight"], True)
    if rope["rope_type"] == "llama3": put("rope_freqs.weight", llama3_factors(c, head), False)
    for i in range(c.num_hidden_layers):
        p, b = f"model.layers.{i}.", f"blk.{i}."
        for hf, g, heads in (("q", "q", c.num_attention_heads), ("k", "k", c.num_key_value_heads), ("v", "v", 0), ("o", "output", 0)):
            for kind in ("weight", "bias"):
                a = sd.get(f"{p}self_attn.{hf}_proj.{kind}")
                if a is None: continue
                if arch in ("llama", "smollm3") and heads: a = permute(a, heads)
                put(f"{b}attn_{g}.{kind}", a, kind == "weight")
        for hf in ("q", "k"):
            if f"{p}self_attn.{hf}_norm.weight" in sd: put(f"{b}attn_{hf}_norm.weight", norm(sd[f"{p}self_attn.{hf}_norm.weight"]), False)
        put(b + "attn_norm.weight", norm(sd[p + "input_layernorm.weight"]), False)
        if arch == "gemma3":
            put(b + "post_attention_norm.weight", norm(sd[p + "post_attention_layernorm.weight"]), False)
            put(b + "ffn_norm.weight", norm(sd[p + "pre_feedforward_layernorm.weight"]), False)
            put(b + "post_ffw_norm.weight", norm(sd[p + "post_feedforward_layernorm.weight"]), False)
        else:
            put(b + "ffn_norm.weight", norm(sd[p + "post_attention_layernorm.weight"]), False)
        if experts:
            put(b + "ffn_gate_inp.weight", sd[p + "mlp.gate.weight"], False)
            both = sd[p + "mlp.experts.gate_up_proj"]
            f = both.shape[1] // 2
            put(b + "ffn_gate_exps.weight", both[:, :f], True); put(b + "ffn_up_exps.weight", both[:, f:], True)
            put(b + "ffn_down_exps.weight", sd[p + "mlp.experts.down_proj"], True)
        else:
            for hf in ("gate", "up", "down"):
                for kind in ("weight", "bias"):
                    if f"{p}mlp.{hf}_proj.{kind}" in sd: put(f"{b}ffn_{hf}.{kind}", sd[f"{p}mlp.{hf}_proj.{kind}"], kind == "weight")
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()

for index, (name, (arch, c)) in enumerate(CASES.items()):
    torch.manual_seed(100 + index)
    model = AutoModelForCausalLM.from_config(c, dtype=torch.float32).eval()
    g = torch.Generator().manual_seed(200 + index)
    with torch.no_grad():
        for n, p in model.named_parameters():
            if "norm" in n: p.copy_(torch.randn(p.shape, generator=g) * 0.2 + (0.0 if arch == "gemma3" else 1.0))
            elif p.dim() == 1: p.copy_(torch.randn(p.shape, generator=g) * 0.3)
            else: p.copy_((torch.randn(p.shape, generator=g) * (1.6 / p.shape[-1] ** 0.5)).half().float())
    write(name, arch, c, model)
    ids = torch.randint(0, VOCAB, (1, 150), generator=g)
    with torch.no_grad():
        logits = model(ids).logits[0]
        nll = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="none")
        greedy, gaps, seq = [], [], ids
        for _ in range(12):
            last = model(seq).logits[0, -1]
            top = last.topk(2)
            greedy.append(int(top.indices[0])); gaps.append(round(float(top.values[0] - top.values[1]), 6))
            seq = torch.cat([seq, top.indices[:1][None]], 1)
    top = logits[-1].topk(20)
    json.dump({"model": name, "reference": f"transformers {transformers.__version__} {type(model).__name__}, float32",
               "prompt_tokens": ids[0].tolist(), "prompt_argmax": logits.argmax(-1).tolist(),
               "prompt_nll": [round(float(x), 6) for x in nll] + [0.0],
               "top20_ids": top.indices.tolist(), "top20_logits": [round(float(x), 6) for x in top.values],
               "greedy": greedy, "greedy_gap_to_second": gaps}, open(f"{OUT}/{name}.json", "w"))
    logits[-1].numpy().astype("<f4").tofile(f"{OUT}/{name}.logits.bin")
    print(name, os.path.getsize(f"{OUT}/{name}.gguf"), float(logits[-1].abs().max()), flush=True)
