#!/usr/bin/env python3
"""Writes the golden files of TokenizationTests from the reference tokenizers. See README.md.

    pip install tokenizers==0.23.3 tiktoken==0.14.0 sentencepiece==0.2.3 gguf==0.19.0
    python make_goldens.py SMOLLM2.gguf MINILM/tokenizer.json o200k_base.tiktoken
"""
import base64
import io
import json
import pathlib
import random
import sys

import gguf
import sentencepiece
import tiktoken
import unicodedata
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

HERE = pathlib.Path(__file__).parent
smollm2, minilm, o200k = sys.argv[1:4]
dice = random.Random(20)

PROSE = (
    "A carrel is a small private desk in a library. This one picks a model by available memory, "
    "indexes local documents and answers questions; it's what we'd've wanted, isn't it? They'RE "
    "HTTPServer2XX naïve café Łódź straße Привет, как дела? 東京都に住んでいます。 你好，世界！ 한국어 문장 "
    "مرحبا بالعالم नमस्ते दुनिया Ελληνικά func encode(_ text: String) -> [TokenID] { return [] } "
    "http://example.org/path?q=1&r=%20 x = 3.14159 * 1000000 + 42 CamelCaseWords İstanbul ǅ ﬁne "
    "Ångström Ⅷ ½ ²³ ١٢٣ ಕನ್ನಡ தமிழ் ไทย မြန်မာ עִבְרִית").split(" ")
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", " \n", "\n ", "\u00a0", "\u3000", "\u2003",
          "\u2028", "\x0b", "\x85", "\t\t", " " * 7]
EMOJI = ["🙂", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪", "1️⃣", "\u200d", "\ufe0f"]
CONTRACTIONS = ["'s", "'S", "'t", "'RE", "'rE", "'ve", "'M", "'ll", "'lL", "'d", "’s", "'ſ", "'x", "''s"]
CONTROLS = ["\0", "\x01", "\x1b", "\x7f", "\u200b", "\ufeff", "\u00ad", "\ufffd", "\ue000", "\u0378"]
NAMES = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|start|>", "<|end|>", "[CLS]", "[SEP]", "<s>",
         "</s>", "<0x0A>", "<unk>", "<|im_", "##ing"]
ASSIGNED = [i for i in range(0x20, 0x323B0) if unicodedata.category(chr(i)) not in ("Cn", "Cs", "Co")]
MARKS = [i for i in ASSIGNED if unicodedata.category(chr(i))[0] == "M"]


def piece():
    k = dice.random()
    if k < .28:
        return dice.choice(PROSE)
    if k < .46:
        return dice.choice(SPACES)
    for limit, choices in ((.54, CONTRACTIONS), (.60, EMOJI), (.63, CONTROLS), (.66, NAMES)):
        if k < limit:
            return dice.choice(choices)
    if k < .72:
        return "".join(dice.choice("0123456789") for _ in range(dice.randint(1, 8)))
    if k < .79:
        return "".join(dice.choice("!\"#$%&()*+,-./:;<=>?@[]^_`{|}~\\") for _ in range(dice.randint(1, 5)))
    if k < .86:
        return "".join(dice.choice("abcXYZäÖßÇıİǅ") for _ in range(dice.randint(1, 8)))
    if k < .90:
        return chr(dice.choice(ASSIGNED))
    if k < .94:
        return chr(dice.choice(MARKS))
    return dice.choice("aA.-= ~1\n") * dice.randint(2, 90)


def texts(count):
    return ["".join(piece() for _ in range(dice.randint(1, 12))) for _ in range(count)]


def write(name, value):
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    (HERE / name).write_text(text + "\n")
    print(name, len(text))


def split(*patterns):
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(p), "isolated") for p in patterns]
        + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def byte_level_cases():
    """SmolLM2's vocabulary under each pre-tokenizer, as the models' own tokenizer.json have them."""
    fields = gguf.GGUFReader(smollm2).fields
    get = lambda key: fields["tokenizer.ggml." + key].contents()
    vocabulary = {t: i for i, t in enumerate(get("tokens"))}
    merges = [tuple(m.split(" ")) for m in get("merges")]
    tail = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    suffix = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    llama = suffix + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + tail
    upper, lower = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    o200k_pattern = lambda end, digits: (
        rf"[^\r\n\p{{L}}\p{{N}}]?{upper}*{lower}+{end}|[^\r\n\p{{L}}\p{{N}}]?{upper}+{lower}*{end}"
        rf"|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    digits = pre_tokenizers.Digits(True)
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bloom = pre_tokenizers.Split(Regex(r" ?[^(\s|.,!?…。，、।۔،)]+"), "isolated")
    rules = {
        "gpt-2": (gpt2, False),
        "smollm": (pre_tokenizers.Sequence([digits, gpt2]), False),
        "command-r": (pre_tokenizers.Sequence([digits, gpt2]), False),
        "llama-bpe": (split(llama), True),
        "smaug-bpe": (split(llama), False),
        "qwen2": (split(llama.replace("{1,3}", "")), False),
        "qwen35": (split(suffix + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
                         r"|\s*[\r\n]+|\s+(?!\S)|\s+"), False),
        "seed-coder": (split(suffix + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+"
                             r"|\s*[\r\n]+|\s+(?!\S)|\s+"), False),
        "gpt-4o": (split(o200k_pattern(suffix + "?", r"\p{N}{1,3}")), True),
        "tekken": (split(o200k_pattern("", r"\p{N}")), True),
        "deepseek-v3": (split(
            r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), False),
        "deepseek-coder": (pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(p), "isolated")
             for p in (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", r"[一-龥ࠀ-一가-퟿]+")] + [digits, plain]), False),
        "bloom": (pre_tokenizers.Sequence([bloom, plain]), False),
        "viking": (pre_tokenizers.Sequence([bloom, digits, plain]), False),
    }
    cases = texts(120)
    out = {"texts": cases, "ids": {}}
    for name, (rule, ignore) in rules.items():
        reference = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=ignore))
        reference.pre_tokenizer = rule
        if name in ("qwen2", "qwen35", "command-r"):
            reference.normalizer = normalizers.NFC()
        out["ids"][name] = [e.ids for e in reference.encode_batch(cases, add_special_tokens=False)]
    write("pretokenizers.json", out)


def composed_cases():
    """Text far from Unicode's composed form, under a pre-tokenizer that composes it first."""
    fields = gguf.GGUFReader(smollm2).fields
    get = lambda key: fields["tokenizer.ggml." + key].contents()
    reference = Tokenizer(models.BPE(
        vocab={t: i for i, t in enumerate(get("tokens"))},
        merges=[tuple(m.split(" ")) for m in get("merges")]))
    reference.normalizer = normalizers.NFC()
    reference.pre_tokenizer = split(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
    changed = [i for i in ASSIGNED if unicodedata.normalize("NFC", chr(i)) != chr(i)
               or unicodedata.normalize("NFD", chr(i)) != chr(i)]

    def stretch():
        k = dice.random()
        if k < .3:
            return unicodedata.normalize("NFD", dice.choice(PROSE))
        if k < .6:
            return chr(dice.choice(changed))
        if k < .75:
            return dice.choice("aeiouAEIOUcnsz") + "".join(
                chr(dice.choice(range(0x300, 0x330))) for _ in range(dice.randint(1, 4)))
        if k < .85:
            return "".join(chr(dice.choice(range(a, b))) for a, b in
                           ((0x1100, 0x1113), (0x1161, 0x1176), (0x11A7, 0x11C3)))
        return unicodedata.normalize(dice.choice(["NFC", "NFD"]), piece())

    cases = ["".join(stretch() for _ in range(dice.randint(1, 12))) for _ in range(200)]
    write("composed.json", {
        "texts": cases, "ids": [e.ids for e in reference.encode_batch(cases, add_special_tokens=False)]})


def wordpiece_cases():
    whole = Tokenizer.from_file(minilm)
    whole.no_truncation()
    whole.no_padding()
    model = json.loads(pathlib.Path(minilm).read_text())["model"]
    plain = Tokenizer(models.WordPiece(
        vocab=model["vocab"], unk_token="[UNK]", max_input_chars_per_word=100,
        continuing_subword_prefix="##"))
    plain.normalizer, plain.pre_tokenizer = whole.normalizer, whole.pre_tokenizer
    cases = texts(300)
    write("wordpiece.json", {
        "texts": cases, "ids": [e.ids for e in plain.encode_batch(cases)],
        "parsed": [e.ids for e in whole.encode_batch(cases, add_special_tokens=False)]})


def o200k_cut():
    """The first 2,000 tokens of o200k_base, which are a vocabulary of their own."""
    lines = pathlib.Path(o200k).read_bytes().split(b"\n")[:2000]
    (HERE / "o200k-cut.tiktoken").write_bytes(b"\n".join(lines) + b"\n")
    ranks = {base64.b64decode(l.split()[0]): int(l.split()[1]) for l in lines}
    import inspect
    import tiktoken_ext.openai_public as public
    source = inspect.getsource(public.o200k_base)
    scope = {}
    exec(source[source.index("pat_str ="):source.index("    return {")].replace("\n    ", "\n"), scope)
    special = {"<|startoftext|>": 2000, "<|endoftext|>": 2001, "<|return|>": 2004, "<|start|>": 2008,
               "<|end|>": 2009, "<|message|>": 2010}
    reference = tiktoken.Encoding(
        "cut", pat_str=scope["pat_str"], mergeable_ranks=ranks, special_tokens=special)
    cases = texts(300) + ["".join(map(chr, range(i, i + 64))) for i in range(0, 0x800, 64)]
    write("o200k-cut.json", {
        "texts": cases, "ids": [reference.encode_ordinary(t) for t in cases],
        "parsed": [reference.encode(t, allowed_special="all") for t in cases]})


def sentencepiece_cases():
    corpus = [" ".join(dice.choice(PROSE) for _ in range(dice.randint(3, 30))) for _ in range(3000)]
    own = ["<h1>", "▁▁", "▁▁▁", "\t", "ing", "東京"]
    kinds = {
        "prefix": dict(vocab_size=700, byte_fallback=True, character_coverage=.98, split_digits=True),
        "unknown": dict(vocab_size=400, character_coverage=.98),
        "userDefined": dict(
            vocab_size=700, byte_fallback=True, character_coverage=.98, user_defined_symbols=own,
            split_by_whitespace=False, add_dummy_prefix=False),
    }
    out = {}
    for name, options in kinds.items():
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(corpus), model_writer=model, model_type="bpe",
            normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2,
            allow_whitespace_only_pieces=True, hard_vocab_limit=False, **options)
        reference = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        ids = range(reference.get_piece_size())
        kind = lambda i: (2 if reference.is_unknown(i) else 3 if reference.is_control(i)
                          else 6 if reference.is_byte(i)
                          else 4 if reference.id_to_piece(i) in own and name == "userDefined" else 1)
        cases = texts(100)
        out[name] = {
            "pieces": [reference.id_to_piece(i) for i in ids], "scores": [reference.get_score(i) for i in ids],
            "types": [kind(i) for i in ids], "spacePrefix": options.get("add_dummy_prefix", True),
            "texts": cases, "ids": [reference.encode(t) for t in cases]}
    write("sentencepiece.json", out)


def unused_cases():
    """Vocabularies with unused pieces, which come apart again. Needs protobuf."""
    from sentencepiece import sentencepiece_model_pb2 as proto
    own = random.Random(4)
    out = []
    for _ in range(8):
        words = sorted({"".join(own.choice("abc") for _ in range(own.randint(2, 5))) for _ in range(20)})
        own.shuffle(words)
        pieces = [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3)] + [(c, -99, 1) for c in "abc"]
        pieces += [(w, -(i // 2), 5 if own.random() < .4 else 1) for i, w in enumerate(words)]
        model = proto.ModelProto()
        model.trainer_spec.model_type = proto.TrainerSpec.BPE
        model.normalizer_spec.name = "identity"
        model.normalizer_spec.add_dummy_prefix = model.normalizer_spec.remove_extra_whitespaces = False
        for text, score, kind in pieces:
            model.pieces.add(piece=text, score=score, type=kind)
        reference = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
        cases = ["".join(own.choice("abc") for _ in range(own.randint(2, 12))) for _ in range(40)]
        out.append({
            "pieces": [p[0] for p in pieces], "scores": [p[1] for p in pieces], "types": [p[2] for p in pieces],
            "spacePrefix": False, "texts": cases, "ids": [reference.encode(t) for t in cases]})
    write("sentencepiece-unused.json", out)


byte_level_cases()
wordpiece_cases()
o200k_cut()
sentencepiece_cases()
composed_cases()
unused_cases()
