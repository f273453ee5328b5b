/// How a byte-level vocabulary wants a text cut into words before merging: the rules behind the
/// names in GGUF's `tokenizer.ggml.pre`.
///
/// Each rule is the regular expression of the model's own `tokenizer.json` (or of tiktoken),
/// written as a scanner over scalar classes. With several stages, each cuts the pieces the one
/// before left, and a piece's end counts as the end of the text.
package struct PreTokenizer: Sendable, Equatable {
  /// One cut: stretches that match become words, what lies between them stays together.
  enum Stage: Sendable, Equatable {
    /// `'s|'t|…| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2
    /// `(?i:'s|…)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,n}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|…`
    case words(WordRules)
    /// As `words`, but a capital after small letters begins a new word: `Camel` `Case`. With
    /// U = Lu Lt Lm Lo M and V = Ll Lm Lo M, letters are `U*V+` or else `U+V*`, and contractions
    /// belong to the word before them.
    case caseWords(WordRules)
    /// `[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|…`
    case deepSeekWords
    /// `\p{N}{1,n}`
    case numbers(Int)
    /// `[\r\n]`
    case newline
    /// `\s?\p{L}+`
    case spacedLetters
    /// `\s?\p{P}+`
    case spacedPunctuation
    /// Runs of scalars in the given ranges.
    case ranges([ClosedRange<UInt32>])
    /// ` ?[^(\s|.,!?…。，、।۔،)]+`
    case bloom
  }

  struct WordRules: Sendable, Equatable {
    /// The longest group of digits.
    var digits = 3
    /// Whether `'s`, `'LL` … are words (or, for `caseWords`, ends of words).
    var contractions = true
    /// Whether marks belong to letters.
    var marksAreLetters = false
    /// Whether newlines stay with the symbols before them.
    var newlinesAfterSymbols = true
    /// Whether slashes stay with the symbols and newlines before them.
    var slashesAfterSymbols = false
  }

  let stages: [Stage]
  /// A word that is a token is that token, even where the merges lead elsewhere.
  package let ignoresMerges: Bool
  /// Whether models of this family expect a begin token when the file does not say.
  package let addsBOS: Bool
  /// Whether text is brought to Unicode's composed form (NFC) before it is cut.
  package private(set) var composes = false

  init(_ stages: [Stage], ignoresMerges: Bool = false, addsBOS: Bool = false) {
    self.stages = stages
    self.ignoresMerges = ignoresMerges
    self.addsBOS = addsBOS
  }

  /// The same rules, on composed text.
  var composing: PreTokenizer {
    var rules = self
    rules.composes = true
    return rules
  }
}

extension PreTokenizer {
  package static let gpt2 = PreTokenizer([.gpt2])
  /// Each digit alone, then as GPT-2.
  package static let smolLM = PreTokenizer([.numbers(1), .gpt2])
  package static let llama3 = PreTokenizer(
    [.words(WordRules())], ignoresMerges: true, addsBOS: true)
  /// Each digit alone, else as Llama 3.
  private static let singleDigits = PreTokenizer([.words(WordRules(digits: 1))])
  package static let qwen2 = singleDigits.composing
  /// o200k: GPT-4o and gpt-oss. tiktoken takes a word that is a token as it is.
  package static let gpt4o = PreTokenizer(
    [.caseWords(WordRules(slashesAfterSymbols: true))], ignoresMerges: true)

  private static let cjkOfDeepSeekCoder: [ClosedRange<UInt32>] = [
    0x4E00...0x9FA5, 0x0800...0x4E00, 0xAC00...0xD7FF,
  ]
  private static let cjkOfDeepSeek3: [ClosedRange<UInt32>] = [
    0x4E00...0x9FA5, 0x3040...0x309F, 0x30A0...0x30FF,
  ]

  /// The rules of that name, or nil for a name this program does not know.
  package init?(ggufName: String) {
    switch ggufName {
    case "gpt-2", "default", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de",
      "jina-v1-en", "jina-v2-code", "roberta-bpe", "gigachat", "a.x-4.0", "mellum",
      "modern-bert", "jais", "trillion", "granite-docling", "exaone4":
      self = .gpt2
    case "mpt", "olmo":
      self = .gpt2.composing
    case "smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2":
      self = .smolLM
    case "command-r":
      self = .smolLM.composing
    case "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0",
      "lfm2", "jina-v5-nano":
      self = .llama3
    case "smaug-bpe", "dbrx", "chatglm-bpe":
      self.init([.words(WordRules())])
    case "glm4", "glm5":
      self.init([.words(WordRules())], ignoresMerges: true)
    case "qwen2":
      self = .qwen2
    case "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open",
      "grok-2", "bailingmoe", "bailingmoe2", "llada-moe":
      self = .singleDigits
    case "qwen35":
      self = PreTokenizer([.words(WordRules(digits: 1, marksAreLetters: true))]).composing
    case "seed-coder":
      self.init([.words(WordRules(digits: 1, newlinesAfterSymbols: false))])
    case "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2", "granite-embed-multi-97m":
      self = .gpt4o
    case "tekken":
      self.init(
        [
          .caseWords(WordRules(digits: 1, contractions: false, slashesAfterSymbols: true))
        ], ignoresMerges: true, addsBOS: true)
    case "deepseek-coder":
      self.init([
        .newline, .spacedLetters, .spacedPunctuation, .ranges(Self.cjkOfDeepSeekCoder),
        .numbers(1),
      ])
    case "deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4":
      self.init([.numbers(3), .ranges(Self.cjkOfDeepSeek3), .deepSeekWords])
    case "bloom", "poro-chat", "gpt3-finnish":
      self.init([.bloom])
    case "viking":
      self.init([.bloom, .numbers(1)])
    default:
      return nil
    }
  }
}
