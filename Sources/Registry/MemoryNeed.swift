// What a model needs in memory, term by term, so that the sum can be printed and argued with.

/// The memory a model, its session and what works beside it take, in bytes.
package struct MemoryNeed: Sendable, Equatable {
  /// The weight file, mapped. Pages come from the page cache and can be dropped and read again, but
  /// every token reads all of them: less memory than this means reading them from disk each time. A
  /// matrix that is looked at in few places is left out.
  package var weights: Int
  /// Keys and values of a full context.
  package var kv: Int
  /// Activations of the largest batch, logits, and the copy that does the work of a matrix left out.
  package var scratch: Int
  package var tokenizer: Int
  /// The embedding model with its own scratch.
  package var embedder: Int
  /// The vectors of the index: mapped files.
  package var index: Int
  /// Saved states of sessions.
  package var snapshots: Int
  /// The program itself with its libraries, threads and database.
  package var process: Int
  /// Of `process`, program and libraries, which are mapped files.
  package var processMapped: Int
  /// Of `embedder`, its weights, which are a mapped file.
  package var embedderMapped: Int
  /// What other models that stay loaded are charged with.
  package var others: Int
  /// What keys and values are kept in; empty where that is not known.
  package var kvType: String

  package init(
    weights: Int = 0, kv: Int = 0, scratch: Int = 0, tokenizer: Int = 0, embedder: Int = 0,
    index: Int = 0, snapshots: Int = 0, process: Int = 0, processMapped: Int = 0,
    embedderMapped: Int = 0, others: Int = 0, kvType: String = ""
  ) {
    self.weights = weights
    self.kv = kv
    self.scratch = scratch
    self.tokenizer = tokenizer
    self.embedder = embedder
    self.index = index
    self.snapshots = snapshots
    self.process = process
    self.processMapped = processMapped
    self.embedderMapped = embedderMapped
    self.others = others
    self.kvType = kvType
  }

  /// Name and bytes of each term, in the order they are printed.
  package var terms: [(name: String, bytes: Int)] {
    [
      ("weights", weights), ("kv", kv), ("scratch", scratch), ("tokenizer", tokenizer),
      ("embedder", embedder), ("index", index), ("snapshots", snapshots), ("process", process),
      ("others", others),
    ]
  }

  /// The sum; saturates instead of overflowing.
  package var total: Int { terms.reduce(0) { $0.saturatingAdd($1.bytes) } }

  /// What this model alone takes, without what it shares with others.
  package var own: Int {
    [weights, kv, scratch, tokenizer, snapshots].reduce(0) { $0.saturatingAdd($1) }
  }

  /// Pages of files: weights, vectors and libraries. The kernel may drop them and read them again.
  package var mapped: Int {
    [weights, index, processMapped, embedderMapped].reduce(0) { $0.saturatingAdd($1) }
  }

  /// Memory with no file behind it: caches, scratch, tables. Nothing but swapping gets it back.
  package var anonymous: Int { total.saturatingAdd(-others).saturatingAdd(-mapped) }

  /// "495.1 MiB = weights 93.8 MiB (mapped, reclaimable) + kv 180.0 MiB + …", without terms that are 0.
  package var arithmetic: String {
    let parts = terms.filter { $0.bytes > 0 }.map { term in
      "\(term.name) \(ByteText.binary(term.bytes))"
        + (term.name == "weights" ? " (mapped, reclaimable)" : "")
        + (term.name == "kv" && kvType != "q16" && !kvType.isEmpty ? " (\(kvType))" : "")
    }
    return
      "\(ByteText.binary(total)) = \(parts.isEmpty ? "nothing" : parts.joined(separator: " + "))"
  }
}

extension ModelHeader {
  /// An estimate from the header alone, for models whose network is not opened: weights and cache as
  /// the header has them, scratch and tokenizer as shares that err on the large side. A header without
  /// the cache's sizes counts a quarter of the weights for them.
  package func estimatedNeed(context: Int) -> MemoryNeed {
    MemoryNeed(
      weights: weightBytes, kv: cache?.byteCount(context: context) ?? weightBytes / 4,
      scratch: max(64 << 20, weightBytes / 32), tokenizer: 48 << 20)
  }
}
