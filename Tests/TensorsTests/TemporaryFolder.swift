import Glibc
import Storage

/// A folder that goes, with all it holds, when the test is done.
final class TemporaryFolder: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/carrel-tensors-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("cannot make a temporary folder") }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit { Self.removeAll(path) }

  private static func removeAll(_ path: String) {
    guard unlink(path) != 0 else { return }
    for name in (try? Folder.names(in: path)) ?? [] { removeAll("\(path)/\(name)") }
    rmdir(path)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }
}
