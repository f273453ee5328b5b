import CarrelKit
import Terminal

/// The options, each said once.
extension CommandTable {
  static let json = OptionSpec("--json", help: "Print one JSON document instead of text.")
  static let model = OptionSpec(
    "--model", short: "-m", "ID", .model,
    help: "Answer with this model (id, alias or path) instead of the best that fits.",
    standard: "the best that fits")
  static let modelFile = OptionSpec(
    "--model", short: "-m", "FILE", .file,
    help:
      "Model file (GGUF); where only tokens are needed also a tiktoken vocabulary or a folder with tokenizer.json."
  )
  static let limit = OptionSpec(
    "--limit", short: "-k", "N", .integer(1...1000), help: "How many hits (8).")
  static let mode = OptionSpec(
    "--mode", "MODE", .choice(["hybrid", "lexical", "semantic"]),
    help: "Search by words, by meaning, or both (hybrid).")
  static let maximumTokens = OptionSpec(
    "--max-tokens", "N", .integer(1...1_000_000), help: "Most tokens in the answer (512).",
    standard: "512")
  static let effort = OptionSpec(
    "--effort", "LEVEL", .choice(["low", "medium", "high"]),
    help: "How long gpt-oss thinks before it answers (medium).", standard: "medium")
  static let split = OptionSpec(
    "--split", "NAME", .text,
    help: "Judgements of qrels/NAME.tsv (qrels.tsv, else test, dev, validation or train).")
  static let passages = OptionSpec(
    "--passages", "N", .integer(1...100), help: "Most passages in a prompt (6).", standard: "6")
  static let retrieval = OptionSpec(
    "--retrieval", "MODE", .choice(["required", "preferred", "off"]),
    help: """
      required: no answer where the documents have none. preferred: then the model answers by itself. \
      off: the documents are not searched.
      """, standard: "required")
  static let inside = OptionSpec(
    "--in", "PATH", .file, help: "Search this file, or what lies below this folder, only.",
    standard: "everywhere")
  static let type = OptionSpec(
    "--type", "EXT", .types, help: "Search files of this type only: md, or several: md,txt.",
    standard: "every type")
  static let since = OptionSpec(
    "--since", "DATE", .moment,
    help: "Search what was changed since only: 2026-05-01, 7d, 12h, yesterday.", standard: "ever")
  static let noRetrieval = OptionSpec(
    "--no-retrieval", help: "Do not search; ask the model by itself.")
  static let force = OptionSpec(
    "--force", help: "Go on although the model is not expected to fit in memory.")

  /// Options every command takes, before or after its name.
  package static let global: [OptionSpec] = [
    OptionSpec(
      "--models", "DIR", .folder,
      help: "Folder with the models (CARREL_MODELS, ./Models, then the user's data folder).",
      standard: "./Models, then the user's data folder"),
    OptionSpec(
      "--index", "DIR", .folder,
      help: "Folder with the index (CARREL_INDEX, ./Index, then the user's data folder).",
      standard: "./Index, then the user's data folder"),
    OptionSpec(
      "--threads", "N", .integer(1...1024), help: "Worker threads (the cores we may use).",
      standard: "the cores we may use"),
    OptionSpec(
      "--context", "N", .integer(64...1_048_576), help: "Context length in tokens (4096).",
      standard: "4096"),
    OptionSpec(
      "--seed", "N", .integer(0...Int.max), help: "Seed of the sampler; same seed, same text.",
      standard: "a new one each time"),
    OptionSpec(
      "--temperature", "T", .number(0...10),
      help: "Sampling temperature; 0 takes the likeliest (0.2).",
      standard: "0.2"),
    OptionSpec(
      "--kernels", "KIND", .choice(["fast", "exact"]),
      help: "exact: float activations throughout, the slow reference path (fast).",
      standard: "fast"),
    OptionSpec(
      "--kv", "TYPE", .choice(CacheType.names),
      help: "Keep what was read in 16 bits or in 8: q8 takes about half the memory (q16).",
      standard: "q16"),
    OptionSpec(
      "--keep-alive", "TIME", .duration,
      help: "Let go of a model that nobody used for so long: 30s, 10m, never (10m).",
      standard: "10m"),
    OptionSpec(
      "--snapshots", "WHEN", .choice(["on", "off"]),
      help: "Keep on disk what a model has read, so that it need not read it again (on).",
      standard: "on"),
    OptionSpec(
      "--mlock", help: "Lock the model's weights in memory, so that they are never read again."),
    OptionSpec("--quiet", short: "-q", help: "No progress and no remarks on standard error."),
    OptionSpec("--verbose", short: "-v", help: "More remarks on standard error."),
    OptionSpec(
      "--color", "WHEN", .choice(Style.Choice.allCases.map(\.rawValue)),
      help: "Colour the output: auto, always, never (auto; NO_COLOR is respected).",
      standard: "auto"),
    OptionSpec("--help", short: "-h", help: "Explain the command."),
    OptionSpec("--version", help: "Print the version."),
  ]
}
