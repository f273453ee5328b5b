import FoundationEssentials
import Glibc
import Storage

/// One routing decision and what came of it.
public struct RouteRecord: Sendable, Equatable, Codable {
  /// When the answer ended.
  public let date: Date
  /// The first 16 hexadecimal digits of the question's SHA-256: decisions can be compared, questions
  /// not read.
  public let questionHash: String
  public let features: QuestionFeatures
  public let choice: String
  public let reason: String
  public let stop: String
  public let promptTokens: Int
  public let generatedTokens: Int
  /// From the question to the end of the answer.
  public let seconds: Double
}

/// `routes.jsonl` in the index folder: a line for each routed answer, the newest last. Kept under a
/// megabyte by dropping the older half. What cannot be written is not worth an answer.
struct RouteLog: Sendable {
  let path: String

  static let largest = 1 << 20

  init(folder: String) { path = folder + "/routes.jsonl" }

  static func hash(_ question: String) -> String {
    var question = question
    let digest = question.withUTF8 { SHA256.hexDigest(UnsafeRawBufferPointer($0)) }
    return String(digest.prefix(16))
  }

  func append(_ record: RouteRecord) {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard var line = try? encoder.encode(record) else { return }
    line.append(0x0A)
    trim()
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0 else { return }
    // One write: lines of two processes do not mix.
    _ = line.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    close(file)
  }

  /// The newest records that can be read, the newest last.
  func last(_ count: Int) -> [RouteRecord] {
    guard let bytes = try? SmallFile.read(path, limit: 4 * Self.largest) else { return [] }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    // Lazily from the end: a line that cannot be read is passed over, and another one counts.
    let newest = bytes.split(separator: 0x0A).reversed().lazy.compactMap {
      try? decoder.decode(RouteRecord.self, from: Data($0))
    }
    return newest.prefix(count).reversed()
  }

  private func trim() {
    guard let size = FileStatus(path: path)?.size, size > Self.largest,
      let bytes = try? SmallFile.read(path, limit: 4 * Self.largest)
    else { return }
    let half = bytes.suffix(Self.largest / 2).drop { $0 != 0x0A }.dropFirst()
    try? AtomicFile.write(Array(half), to: path)
  }
}
