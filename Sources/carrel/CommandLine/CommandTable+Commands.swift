/// The commands, in the order in which help lists them.
extension CommandTable {
  package static let commands: [CommandSpec] = [
    CommandSpec(
      "", "Ask questions of your documents, one after the other.",
      options: [
        model, retrieval, noRetrieval, inside, type, since, passages, maximumTokens, effort, force,
        OptionSpec(
          "--resume", "ID",
          help: "Go on with a kept conversation: the beginning of its id, or `last`."),
        OptionSpec(
          "--thinking", "WHEN", .choice(["on", "off"]),
          help: "Show what a model thinks first (off).",
          standard: "off"),
        OptionSpec(
          "--sessions", "WHEN", .choice(["on", "off"]),
          help: "Keep conversations, on this machine only (on; a pipe's never without --resume).",
          standard: "on"),
        OptionSpec(
          "--history", "WHEN", .choice(["on", "off"]),
          help: "Read and write the history of lines typed (on).", standard: "on"),
      ],
      discussion: """
        Opens the prompt. Answers stream as they are made, with numbered sources below. /help lists \
        the commands of the prompt. Conversations are kept and can be resumed. When standard input is \
        no terminal, every line is a question, answers go to standard output, and the end of the input ends the program.
        """,
      examples: ["carrel", "carrel --resume last", "echo 'How is the index laid out?' | carrel"]),
    CommandSpec(
      "index add", "Index files and folders, and keep them in the index.",
      arguments: [ArgumentSpec("PATH", .file, repeats: true)],
      discussion: """
        Reads what is new or changed and skips the rest, first by size and time, then by content. \
        Hidden, binary and ignored files (.gitignore, .carrelignore) are left out. It may be stopped \
        at any time and goes on where it was.
        """,
      examples: ["carrel index add ~/Documents/notes", "carrel index add README.md Sources"]),
    CommandSpec(
      "index status", "Say what the index holds and how many files changed since.",
      options: [json], examples: ["carrel index status", "carrel index status --json"]),
    CommandSpec(
      "index remove", "Take a file or folder out of the index; the files stay.",
      arguments: [ArgumentSpec("PATH", .file, repeats: true)],
      examples: ["carrel index remove ~/Documents/old"]),
    CommandSpec(
      "index refresh", "Read again what changed in everything indexed so far.",
      examples: ["carrel index refresh"]),
    CommandSpec(
      "index watch", "Keep the index up to date while files change, until Control-C.",
      discussion: """
        Reads what changed, then waits for the next change below the indexed folders: new, edited, \
        moved and deleted files and folders. Searching goes on meanwhile, in this and other programs.
        """,
      examples: ["carrel index watch"]),
    CommandSpec(
      "index verify", "Check the index against itself.", options: [json],
      examples: ["carrel index verify"]),
    CommandSpec(
      "index rebuild", "Make the index anew, with the embedding model of today.",
      examples: ["carrel index rebuild"]),
    CommandSpec(
      "search", "Find passages in the indexed documents.",
      arguments: [ArgumentSpec("QUERY", repeats: true)],
      options: [limit, mode, inside, type, since, json],
      examples: [
        "carrel search memory gate", "carrel search 'token budget' -k 3 --mode lexical --json",
        "carrel search retry --in ~/work --type swift,md --since 7d",
      ]),
    CommandSpec(
      "ask", "Answer one question from the indexed documents.",
      arguments: [ArgumentSpec("QUESTION", repeats: true)],
      options: [
        model, retrieval, noRetrieval, inside, type, since, passages, maximumTokens, effort, force,
        json,
      ],
      examples: [
        "carrel ask 'How is a file skipped when it did not change?'",
        "carrel ask --no-retrieval --json 'What is a carrel?'",
      ]),
    CommandSpec(
      "sessions list", "List the conversations that are kept, the latest first.", options: [json],
      examples: ["carrel sessions", "carrel sessions list --json"]),
    CommandSpec(
      "sessions show", "Print a kept conversation.",
      arguments: [ArgumentSpec("ID")], options: [json],
      discussion: """
        ID is the beginning of a session's id, or `last`. A number in the text that its source does \
        not bear out has a question mark: [2?].
        """,
      examples: ["carrel sessions show last", "carrel sessions show k3f --json"]),
    CommandSpec(
      "sessions export", "Write a kept conversation as Markdown or JSON.",
      arguments: [ArgumentSpec("ID")],
      options: [
        OptionSpec(
          "--format", "KIND", .choice(["markdown", "json"]),
          help: "markdown or json (as the name of the file says, else markdown)."),
        OptionSpec("--out", short: "-o", "FILE", .file, help: "Write to FILE."),
      ],
      examples: [
        "carrel sessions export last > talk.md", "carrel sessions export k3f -o talk.json",
      ]),
    CommandSpec(
      "sessions remove", "Remove kept conversations for good.",
      arguments: [ArgumentSpec("ID", repeats: true)], examples: ["carrel sessions remove k3f"]),
    CommandSpec(
      "models list", "List the models that are installed, and whether they fit.", options: [json],
      examples: ["carrel models", "carrel models list --json"]),
    CommandSpec(
      "models show", "Show one model: file, architecture, memory.",
      arguments: [ArgumentSpec("ID", .model)], options: [json],
      examples: ["carrel models show smollm2-135m-instruct-q4_1"]),
    CommandSpec(
      "models why", "Explain which model is chosen, with the arithmetic of its memory.",
      options: [
        json,
        OptionSpec(
          "--have", "SIZE", .bytes,
          help: "Decide as if so much memory were free (8GiB), not what this machine has."),
      ], examples: ["carrel models why", "carrel models why --have 8GiB --context 8192"]),
    CommandSpec(
      "models pull", "Fetch a model from a hub, resuming what was begun.",
      arguments: [ArgumentSpec("ID", .model)], options: [json],
      discussion: """
        ID is a catalogue id, or owner/name[:quant][@revision]. Files go to the Hugging Face cache in \
        its usual layout; nothing counts as installed before its hash was compared. HF_TOKEN, \
        HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE are honoured.
        """,
      examples: ["carrel models pull gpt-oss-20b", "carrel models pull owner/name-GGUF:Q4_K_M"]),
    CommandSpec(
      "models verify", "Check the files of a model against the catalogue.",
      arguments: [ArgumentSpec("ID", .model)], options: [json],
      examples: ["carrel models verify all-minilm-l6-v2"]),
    CommandSpec(
      "models remove", "Remove the files of a model from the disk.",
      arguments: [ArgumentSpec("ID", .model)],
      options: [OptionSpec("--yes", short: "-y", help: "Do not ask."), json],
      discussion: """
        Removes the files of the model in the models folder or the Hugging Face cache and nothing \
        else; what another model or another revision needs stays. Says what will be removed and asks; \
        without a terminal it needs --yes.
        """,
      examples: ["carrel models remove qwen3-8b-q4_k_m"]),
    CommandSpec(
      "status", "Show memory, disk, models and index on one card.", options: [json],
      examples: ["carrel status", "carrel status --json"]),
    CommandSpec(
      "embed", "Turn texts into vectors: JSON lines in, JSON lines out.", options: [json],
      discussion: """
        Reads {"text": …} lines from standard input and writes one {"embedding": […]} line for each.
        """,
      examples: [#"echo '{"text":"a private desk"}' | carrel embed"#]),
    CommandSpec(
      "acp", "Serve an editor: Agent Client Protocol over standard input and output.",
      options: [model, maximumTokens, force],
      discussion: """
        For editors that start agents themselves, Zed for example. Speaks version 1 of the protocol, \
        one JSON message a line, until its input ends. What is no message goes to standard error.
        """,
      examples: ["carrel acp", "carrel acp --model gpt-oss-20b"]),
    CommandSpec(
      "mcp", "Serve an assistant: Model Context Protocol over standard input and output.",
      arguments: [ArgumentSpec("PATH", .file, isOptional: true, repeats: true)],
      options: [model, maximumTokens, force],
      discussion: """
        Offers search, passages, answers and indexing as tools, and the indexed files as resources. \
        Nothing outside the indexed folders is read; PATH names folders that may be indexed besides.
        """,
      examples: ["carrel mcp", "carrel mcp ~/Documents/notes"]),
    CommandSpec(
      "eval retrieval", "Measure search quality on a folder in BEIR layout.",
      arguments: [ArgumentSpec("DIR", .folder)], options: [split, json],
      discussion: """
        DIR holds corpus.jsonl, queries.jsonl and qrels.tsv or qrels/SPLIT.tsv. Prints nDCG@10, recall@10, recall@100 \
        and MRR@10 for each mode.
        """,
      examples: ["carrel eval retrieval fixtures/ir/small --json"]),
    CommandSpec(
      "inspect model", "Show what a model file holds.",
      arguments: [ArgumentSpec("FILE", .file)], options: [json],
      examples: ["carrel inspect model model.gguf"]),
    CommandSpec(
      "inspect tokens", "Tokenize JSON lines {\"text\"} from standard input.",
      options: [
        modelFile,
        OptionSpec("--special", help: "Read names of special tokens in the text as tokens."),
      ],
      examples: [#"echo '{"text":"hello"}' | carrel inspect tokens --model model.gguf"#]),
    CommandSpec(
      "inspect logits", "Print the logits after the last of some token ids.",
      options: [
        modelFile,
        OptionSpec("--ids", "IDS", help: "Token ids, separated by commas."),
        OptionSpec("--top", "N", .integer(1...1_000_000), help: "How many of the highest (20)."),
        OptionSpec("--out", short: "-o", "FILE", .file, help: "Write all as float32 to FILE."),
      ],
      examples: ["carrel inspect logits --model model.gguf --ids 1,2,3 --top 5"]),
    CommandSpec(
      "inspect harmony-render", "Render JSON lines of Harmony conversations to token ids.",
      options: [modelFile],
      examples: ["carrel inspect harmony-render --model gpt-oss-20b.gguf < conversations.jsonl"]),
    CommandSpec(
      "inspect harmony-stream", "Decode JSON lines of Harmony token ids to events.",
      options: [modelFile],
      examples: ["carrel inspect harmony-stream --model gpt-oss-20b.gguf < streams.jsonl"]),
    CommandSpec(
      "bench", "Measure speed on this machine.",
      arguments: [
        ArgumentSpec(
          "KIND", .choice(["decode", "prefill", "embed", "search", "index", "memory"]),
          isOptional: true,
          repeats: true)
      ],
      options: [
        model, OptionSpec("--runs", "N", .integer(1...1000), help: "Runs of each row (3)."),
        OptionSpec(
          "--fill", "N", .integer(64...1_048_576),
          help: "memory: fill N tokens and touch the rest (all)."), json,
      ],
      discussion: """
        Without KIND all but memory are measured. Each row gives the median and the spread. memory \
        loads one model, fills its context and compares what it took with what the memory gate \
        expects: one model and one --context a run; --fill N fills N tokens and touches the rest.
        """,
      examples: [
        "carrel bench", "carrel bench decode prefill --json",
        "carrel bench memory --model gemma-3-270m-q4_k_m --context 8192",
      ]),
    CommandSpec(
      "completions", "Print a completion script for a shell.",
      arguments: [ArgumentSpec("SHELL", .choice(["bash", "zsh", "fish"]))],
      discussion: """
        bash: source <(carrel completions bash). zsh: put the output into a file _carrel in a folder \
        of $fpath. fish: carrel completions fish > ~/.config/fish/completions/carrel.fish
        """,
      examples: ["carrel completions bash"]),
    CommandSpec(
      "man", "Print the manual page (roff).", examples: ["carrel man | man -l -"]),
    CommandSpec(
      "help", "Explain carrel or one of its commands.",
      arguments: [ArgumentSpec("COMMAND", isOptional: true, repeats: true)],
      examples: ["carrel help", "carrel help index add"]),
  ]
}
