import Glibc
import Storage
import TestSupport
import Testing

@Suite("Mapped files, atomic replace and locks")
struct FileTests {
  private let folder = TemporaryFolder()

  private func code(_ body: () throws -> Void) -> StorageError.Code? {
    do { try body() } catch { return (error as? StorageError)?.code }
    return nil
  }

  @Test("Maps what was written, byte for byte, and takes any advice")
  func maps() throws {
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
    let path = folder.file("data")
    try AtomicFile.write(bytes, to: path)
    let file = try MappedFile(path: path)
    #expect([UInt8](file.bytes) == bytes)
    let all: [MappedFile.Advice] = [
      .normal, .willNeed, .sequential, .random, .hugePages, .dontNeed,
    ]
    for advice in all {
      file.advise(advice)
      file.advise(advice, in: 5000..<9000)
      file.advise(advice, in: -5..<1_000_000)
      file.advise(advice, in: 7..<7)
    }
    #expect([UInt8](file.bytes) == bytes)
  }

  @Test("Keeps the old content mapped when the file is replaced")
  func replacedWhileMapped() throws {
    let path = folder.file("data")
    try AtomicFile.write([1, 2, 3], to: path)
    let old = try MappedFile(path: path)
    try AtomicFile.write([4], to: path)
    withExtendedLifetime(old) { #expect([UInt8](old.bytes) == [1, 2, 3]) }
    #expect(try SmallFile.read(path) == [4])
    #expect(try Folder.names(in: folder.path) == ["data"], "no temporary file is left")
  }

  @Test("A replaced file can be read and written by whom it could before, a new one be read by all")
  func permissions() throws {
    let path = folder.file("data")
    func mode() -> mode_t {
      var status = stat()
      #expect(stat(path, &status) == 0)
      return status.st_mode & 0o777
    }
    let mask = umask(0o022)
    defer { umask(mask) }
    try AtomicFile.write([1], to: path)
    #expect(mode() == 0o644)
    for wanted: mode_t in [0o600, 0o664, 0o400] {
      chmod(path, wanted)
      try AtomicFile.write([2], to: path)
      #expect(mode() == wanted)
    }
  }

  @Test("Gives an empty buffer for an empty file")
  func empty() throws {
    let path = folder.file("empty")
    try AtomicFile.write([], to: path)
    let file = try MappedFile(path: path)
    #expect(file.bytes.isEmpty)
    file.advise(.willNeed)
    #expect(
      try SHA256.hexDigest(ofFile: path)
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test("Names the file and the cause when a file cannot be opened")
  func failures() throws {
    let missing = folder.file("missing")
    #expect(code { _ = try MappedFile(path: missing) } == .notFound)
    #expect(code { _ = try MappedFile(path: folder.path) } == .notAFile)
    #expect(code { _ = try SmallFile.read(missing) } == .notFound)
    #expect(code { _ = try SHA256.hexDigest(ofFile: missing) } == .notFound)
    #expect(code { _ = try Folder.names(in: missing) } == .notFound)
    #expect(code { try AtomicFile.write([1], to: missing + "/below") } == .notFound)
    #expect(code { try AtomicFile.write([1], to: folder.path + "/") } == .notAFile)
    #expect(
      code { _ = try FileLock(path: missing + "/lock", exclusive: true, wait: false) } == .notFound)
    let pipe = folder.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(code { _ = try MappedFile(path: pipe) } == .notAFile)
    let error = #expect(throws: StorageError.self) { try MappedFile(path: missing) }
    #expect(error?.description == "\(missing): cannot open: there is no such file")
  }

  @Test("Leaves the old file and nothing else when a replace fails")
  func failedReplace() throws {
    let path = folder.file("target")
    #expect(mkdir(path, 0o700) == 0)
    #expect(code { try AtomicFile.write([1], to: path) } != nil)
    #expect(try Folder.names(in: folder.path) == ["target"])
  }

  @Test("Excludes a second holder until the first lets go")
  func locks() throws {
    let path = folder.file("lock")
    var first: FileLock? = try FileLock(path: path, exclusive: true, wait: true)
    #expect(first?.path == path)
    #expect(code { _ = try FileLock(path: path, exclusive: true, wait: false) } == .locked)
    #expect(code { _ = try FileLock(path: path, exclusive: false, wait: false) } == .locked)
    first = nil
    let reader = try FileLock(path: path, exclusive: false, wait: false)
    let other = try FileLock(path: path, exclusive: false, wait: false)
    #expect(code { _ = try FileLock(path: path, exclusive: true, wait: false) } == .locked)
    withExtendedLifetime((reader, other)) {}
  }

  @Test("Reads small files and pseudo-files, and refuses large ones")
  func smallFiles() throws {
    let path = folder.file("small")
    try AtomicFile.write([UInt8](repeating: 7, count: 1000), to: path)
    #expect(try SmallFile.read(path).count == 1000)
    #expect(try SmallFile.read(path, limit: 1000).count == 1000)
    #expect(code { _ = try SmallFile.read(path, limit: 999) } == .io(EFBIG))
    #expect(try SmallFile.read("/proc/self/status").isEmpty == false)
  }

  @Test("Tells kinds, sizes and identity of what lies at a path")
  func status() throws {
    let path = folder.file("a")
    try AtomicFile.write([1, 2, 3], to: path)
    let link = folder.file("b")
    #expect(symlink("a", link) == 0)
    let file = try #require(FileStatus(path: path))
    #expect(file.kind == .file)
    #expect(file.size == 3)
    #expect(FileStatus(path: link) == file)
    #expect(FileStatus(path: folder.path)?.kind == .folder)
    #expect(FileStatus(path: folder.file("missing")) == nil)
    #expect(try Folder.names(in: folder.path) == ["a", "b"])
  }
}
