import Registry

/// What is in memory when the gate is asked: the one account in which everything counts once.
struct ModelLedger: Sendable {
  struct Resident: Sendable, Equatable {
    let id: String
    /// Bytes it is charged with: what it alone takes.
    let charge: Int
    let isIdle: Bool
  }

  /// Decoders in memory; of the idle ones the one least recently used first.
  var decoders: [Resident] = []
  /// Bytes without a file behind them that this process holds.
  var held = ProcessMemory.now().anonymous
  /// The embedding model and the index's vectors, which every decoder needs beside it.
  var embedder = MemoryNeed()

  /// What the program takes before any model, measured when the first workspace was made, and what
  /// it grows by in work.
  static let process = ProcessMemory.now()

  /// The account when some models have left.
  func without(_ ids: Set<String>) -> ModelLedger {
    var rest = self
    rest.decoders.removeAll { ids.contains($0.id) }
    return rest
  }

  /// Adds to a model's own need what the process takes besides.
  func complete(_ need: MemoryNeed, of id: String) -> MemoryNeed {
    var need = need
    need.embedder = embedder.embedder
    need.embedderMapped = embedder.embedderMapped
    need.index = embedder.index
    need.process =
      Self.process.anonymous + Self.process.mapped + MemoryNeed.processGrowth
      + MemoryNeed.processGrowthMapped
    need.processMapped = Self.process.mapped + MemoryNeed.processGrowthMapped
    need.others = decoders.reduce(0) { $0 + ($1.id == id ? 0 : $1.charge) }
    return need
  }

  /// Against limits that count addresses: what of the needs is mapped already.
  var mappedAddresses: Int {
    decoders.reduce(Self.process.anonymous + Self.process.mapped) { $0 + $1.charge }
  }
}

extension MemoryNeed {
  /// What the program itself grows by once it works: thread stacks, the linear-algebra library's
  /// buffers, the database's cache; measured with `carrel bench memory`.
  static let processGrowth = 2 << 20
  /// Pages of program and libraries that are first touched in work.
  static let processGrowthMapped = 4 << 20
}
