import FoundationEssentials

/// A folder of a measurement's own, removed afterwards with what is in it.
enum ScratchFolder {
  static func with(_ body: (_ path: String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "carrel-bench-" + UUID().uuidString).path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: nil)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
  }
}
