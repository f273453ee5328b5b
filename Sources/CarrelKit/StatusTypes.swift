import FoundationEssentials
import Registry
import Storage

/// One model of a list.
public struct ModelListing: Sendable, Equatable {
  public let id: String
  /// `generate` or `embed`.
  public let role: String
  /// `installed`, `unverified`, `incomplete`, `damaged`, `unsupported` or `notInstalled`; while this
  /// process has to do with it `downloading`, `loading`, `ready`, `unloading` or `failed`.
  /// `remote` for a server that `endpoints.json` names.
  public let state: String
  /// The file or folder; nil where nothing is on the disk.
  public let path: String?
  public let sizeBytes: Int?
  /// Whether it fits in memory now; nil where that is not known.
  public let fits: Bool?
  public let architecture: String?
  public let quantization: String?
  public let licence: String?
  /// How it is spoken to: `chatml`, `llama3`, `gemma`, `mistral` or `harmony`; `plain` for a base
  /// model; `unknown` for a chat model of another kind, which is prompted like a base model and may
  /// answer poorly. Nil for embedding models and where it is not known.
  public let chat: String?
  /// Where a remote model runs; nil for those of this machine.
  public let host: String?
  /// What is wrong with the files, where something is.
  public let problem: String?
}

/// What the memory gate decides now, with every number.
public struct GateReport: Sendable {
  public struct Candidate: Sendable, Equatable {
    public let id: String
    public let fits: Bool
    public let context: Int
    public let needBytes: Int
    /// Name and bytes of each part of the need.
    public let terms: [Term]
    public let reason: String
  }

  public struct Term: Sendable, Equatable {
    public let name: String
    public let bytes: Int
  }

  /// Bytes a model may take; nil when no limit could be read.
  public let haveBytes: Int?
  public let haveTerms: [Term]
  /// From the highest rank down.
  public let candidates: [Candidate]
  public let choice: String?
  /// The arithmetic in lines.
  public let explanation: String

  init(_ decision: GateDecision) {
    haveBytes = decision.have.bytes
    haveTerms = decision.have.terms.map { Term(name: $0.name, bytes: $0.bytes) }
    candidates = decision.verdicts.map {
      Candidate(
        id: $0.id, fits: $0.fits, context: $0.context, needBytes: $0.need.total,
        terms: $0.need.terms.map { Term(name: $0.name, bytes: $0.bytes) }, reason: $0.reason)
    }
    choice = decision.choice?.id
    explanation = decision.explanation
  }
}

/// The state of a workspace on one card.
public struct WorkspaceStatus: Sendable {
  public struct Memory: Sendable, Equatable {
    /// What may still be taken, by the tightest limit; nil when none could be read.
    public let availableBytes: Int?
    /// The tightest limit itself, and who sets it.
    public let limitBytes: Int?
    public let limitSource: String?
    /// This process now and at most, mapped files included, in bytes.
    public let residentBytes: Int
    public let peakBytes: Int
  }

  public struct Disk: Sendable, Equatable {
    /// The file system of the models folder.
    public let freeBytes: Int?
    public let modelsBytes: Int
    public let indexBytes: Int
  }

  /// What models have read before, kept on disk so that it need not be read again.
  public struct Snapshots: Sendable, Equatable {
    public let folder: String
    public let files: Int
    public let bytes: Int
    /// Beyond this the files that were not used for the longest time go.
    public let limitBytes: Int
  }

  public let memory: Memory
  public let disk: Disk
  public let models: [ModelListing]
  /// Ids of models that are loaded.
  public let loaded: [String]
  /// nil while nothing has been indexed.
  public let index: IndexReport?
  /// nil where nothing of it is kept (`--snapshots off`).
  public var snapshots: Snapshots?
}
