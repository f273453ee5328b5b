import FoundationEssentials

/// A folder of a measurement's own, removed afterwards with all that is in it.
enum ScratchFolder {
  static func with(_ body: (_ path: String) async throws -> Void) async throws {
    let folder = try make()
    defer { remove(folder) }
    try await body(folder)
  }

  /// A new folder where temporary files go (`TMPDIR`).
  static func make() throws -> String {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "carrel-bench-" + UUID().uuidString).path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: nil)
    return folder
  }

  static func remove(_ folder: String) { try? FileManager.default.removeItem(atPath: folder) }
}
