import Compute
import FoundationEssentials

/// How a model keeps the keys and values of the tokens it has read.
public enum CacheType: String, Sendable, CaseIterable {
  /// 16-bit integers with a scale for each key and each value (32-bit floats with exact kernels).
  case q16
  /// 8-bit integers with a scale for each key and each value: about half the memory.
  case q8

  /// What settings may say. f16 is q16's older name, from when it kept 16-bit floats.
  public static let names = allCases.map(\.rawValue) + ["f16"]

  /// nil for anything but one of `names`.
  public init?(name: String) { self.init(rawValue: name == "f16" ? "q16" : name) }
}

/// Where a workspace keeps its models and its index, and how it runs them.
///
/// Every value here is also a command-line flag of `carrel`; `resolve` applies the documented order:
/// flag, then environment, then the folders of the current directory, then the user's data folder.
public struct WorkspaceSettings: Sendable, Equatable {
  /// The folder models are looked for in first.
  public var models: String
  /// The folder that holds the index database.
  public var index: String
  /// The file that keeps conversations; by default `sessions.db` in the folder of the index.
  public var sessions: String
  /// The folder for what can be computed again: keys and values of the fixed beginnings of prompts and
  /// of kept conversations. nil keeps none of it.
  public var cache: String?
  /// Worker threads; nil takes the cores this process may use (affinity and cgroup quota respected).
  public var threads: Int?
  /// Context length in tokens; nil takes what the model offers, at most `defaultContext`.
  public var context: Int?
  /// Seed of the sampler; nil draws a new one each answer.
  public var seed: UInt64?
  /// Sampling temperature; 0 always takes the likeliest token. nil takes the default for documents.
  public var temperature: Float?
  /// Most tokens in one answer.
  public var maximumTokens: Int
  /// Float activations throughout: the slow path every fast kernel is checked against.
  public var exactKernels: Bool
  /// How the keys and values of what was read are kept.
  public var keyValues: CacheType
  /// The model to answer with: an id, an alias or a path. nil lets the memory gate choose.
  public var model: String?
  /// Go on although the memory gate says no.
  public var force: Bool

  /// Seconds after which a model nobody uses is let go of; nil keeps it.
  public var keepAlive: Double?
  /// Lock the weights in memory, so that they are never read from the disk again.
  public var locksWeights: Bool
  /// Decide as if this much memory were free, in bytes; for `models why` only.
  public var supposedMemory: Int?
  /// Put before the paths of the kernel's files about memory; tests give a tree of their own.
  package var systemRoot: String

  /// Context length when none is asked for: enough for passages and a few turns, small enough that
  /// a laptop's prefill stays in seconds.
  public static let defaultContext = 4096

  public init(models: String, index: String) {
    self.models = models
    self.index = index
    self.sessions = index + "/sessions.db"
    self.maximumTokens = 512
    self.exactKernels = false
    self.keyValues = .q16
    self.force = false
    self.keepAlive = 600
    self.locksWeights = false
    self.systemRoot = ""
  }

  /// Settings from flags and environment.
  ///
  /// - Parameters:
  ///   - models, index: the values of `--models` and `--index`, when given.
  ///   - environment: `CARREL_MODELS`, `CARREL_INDEX`, `XDG_DATA_HOME`, `XDG_CACHE_HOME` and `HOME`
  ///     are read.
  ///   - directory: the current directory; `Models` and `Index` are taken from it when both exist.
  public static func resolve(
    models: String? = nil, index: String? = nil,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    directory: String = FileManager.default.currentDirectoryPath
  ) -> WorkspaceSettings {
    func set(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let localModels = directory + "/Models"
    let localIndex = directory + "/Index"
    let local = isDirectory(localModels) && isDirectory(localIndex)
    let data = (set("XDG_DATA_HOME") ?? (set("HOME") ?? "/") + "/.local/share") + "/carrel"
    var settings = WorkspaceSettings(
      models: models ?? set("CARREL_MODELS") ?? (local ? localModels : data + "/Models"),
      index: index ?? set("CARREL_INDEX") ?? (local ? localIndex : data + "/Index"))
    settings.cache =
      (set("XDG_CACHE_HOME") ?? set("HOME").map { $0 + "/.cache" }).map { $0 + "/carrel" }
    return settings
  }

  private static func isDirectory(_ path: String) -> Bool {
    var isDirectory: Bool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
  }
}

extension WorkspaceSettings {
  /// What sessions keep keys and values in, and what the memory gate counts.
  var cacheElement: CacheElement {
    switch keyValues {
    case .q8: .q8
    case .q16: exactKernels ? .f32 : .q16
    }
  }
}
