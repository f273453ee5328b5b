import Database
import Glibc
import Storage

/// A file read, hashed and cut, waiting for vectors and the database.
struct PreparedFile: Sendable {
  enum Content: Sendable {
    /// The bytes are those in the manifest.
    case unchanged
    case skipped(SkipReason)
    case chunks
  }

  var scanned: ScannedFile
  var rootID: Int64
  var content: Content
  var record: FileRecord
  var chunks: [ChunkRecord] = []
  var utf8: [UInt8] = []
  var tokens = FileTokens()
  /// For each passage the headings and title put before it when it is embedded.
  var contexts: [String] = []

  /// What the embedder is given for a passage.
  func embeddedText(_ index: Int) -> String {
    let body = String(decoding: utf8[chunks[index].textRange], as: UTF8.self)
    return contexts[index].isEmpty ? body : contexts[index] + "\n" + body
  }
}

/// Reads, hashes, extracts and cuts files. Touches no database.
struct FilePreparation: Sendable {
  var extractor = TextExtractor()
  var chunker: Chunker
  /// Tokens that the embedder reads.
  var mostTokens = Int.max
  /// Whether passages will be embedded: only then they need a hash.
  var hashes = true
  let cutters = TokenCutters()
  /// For each root: path and id, to tell a file's words.
  var roots: [Int64: String]

  /// - Parameter known: hash in the manifest when the file was read with today's format.
  func prepare(_ file: ScannedFile, root: Int64, known: [UInt8]?) throws -> PreparedFile {
    var prepared = PreparedFile(
      scanned: file, rootID: root, content: .unchanged,
      record: FileRecord(
        path: file.path, size: file.size, modified: file.modified, sha256: [],
        words: Self.words(of: file.path, below: roots[root] ?? ""), title: "", isConverted: false,
        skipped: nil))
    // What no program is here for is not read at every refresh.
    if let missing = extractor.missingConverter(for: file.path) {
      prepared.content = .skipped(missing)
      return prepared
    }
    switch FileBytes.read(file) {
    case .failed(let reason):
      prepared.content = .skipped(reason)
    case .bytes(let bytes, let size, let modified):
      prepared.record.size = size
      prepared.record.modified = modified
      try bytes.withUnsafeBytes { content in
        var digest = SHA256()
        digest.update(content)
        prepared.record.sha256 = digest.finalize()
        if prepared.record.sha256 == known { return }
        try cut(&prepared, content)
      }
    }
    return prepared
  }

  private func cut(_ file: inout PreparedFile, _ content: UnsafeRawBufferPointer) throws {
    switch extractor.extract(path: file.scanned.path, bytes: content) {
    case .skipped(let reason):
      file.content = .skipped(reason)
    case .text(let text):
      file.content = .chunks
      try fill(&file, text)
    }
  }

  /// Cuts a text into passages and those into words, and computes the hash of what will be embedded.
  func fill(_ file: inout PreparedFile, _ text: ExtractedText) throws {
    file.record.title = text.title
    file.record.isConverted = text.isConverted
    file.utf8 = text.utf8
    try text.utf8.withUnsafeBytes { bytes in
      let chunks = chunker.chunks(of: bytes, kind: text.kind)
      let map = OffsetMap(text.isConverted ? .utf8 : text.encoding, text: bytes)
      file.chunks.reserveCapacity(chunks.count)
      for chunk in chunks {
        let start = map.original(chunk.range.lowerBound, text: bytes)
        let end = map.original(chunk.range.upperBound, text: bytes)
        let context = context(chunk, title: text.title)
        file.contexts.append(context)
        file.chunks.append(
          ChunkRecord(
            range: start..<end, startLine: chunk.startLine, endLine: chunk.endLine,
            headings: chunk.headings.joined(separator: " > "), textRange: chunk.range,
            hash: hashes
              ? PassageHash(
                context: context, body: UnsafeRawBufferPointer(rebasing: bytes[chunk.range]))
              : .none))
      }
      file.tokens = try cutters.use { try FileTokens(file.record, file.chunks, bytes, $0) }
    }
  }

  /// Headings above the passage that are not in it, the innermost that have room, and the title when no
  /// heading says it and the embedder will read it.
  private func context(_ chunk: Chunk, title: String) -> String {
    var parts = Array(
      chunk.headings.prefix(chunk.inheritedHeadings).suffix(chunk.embeddedHeadings))
    if !title.isEmpty, !chunk.headings.contains(title) {
      var title = title
      let tokens = title.withUTF8 { chunker.countTokens(UnsafeRawBufferPointer($0)) }
      if chunk.tokens + tokens <= mostTokens { parts.insert(title, at: 0) }
    }
    return parts.joined(separator: " > ")
  }

  /// The path below its root, its camelCase parts apart as well: what a question may call the file.
  static func words(of path: String, below root: String) -> String {
    var relative = Substring(path)
    if path.hasPrefix(root + "/") {
      relative = path.dropFirst(root.count + 1)
    } else if let cut = path.lastIndex(of: "/") {
      relative = path[path.index(after: cut)...]
    }
    if let parts = partsOfASCII(relative) { return parts }
    var parts = ""
    var previous: Character = " "
    var isSplit = false
    for character in relative {
      if character.isUppercase, previous.isLowercase || previous.isNumber {
        parts.append(" ")
        isSplit = true
      }
      parts.append(character)
      previous = character
    }
    return isSplit ? relative + " " + parts : String(relative)
  }

  /// The same byte by byte; nil where a character may be more than a byte.
  private static func partsOfASCII(_ relative: Substring) -> String? {
    var parts: [UInt8] = []
    var previous = UInt8(ascii: " ")
    var isSplit = false
    for byte in relative.utf8 {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"):
        switch previous {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
          parts.append(UInt8(ascii: " "))
          isSplit = true
        default: break
        }
      // A line's end may be one character of two bytes.
      case 0x80..., 0x0d: return nil
      default: break
      }
      parts.append(byte)
      previous = byte
    }
    return isSplit
      ? relative + " " + String(decoding: parts, as: UTF8.self) : String(relative)
  }
}

/// Reads whole files without trusting them to hold still.
package enum FileBytes {
  package enum Outcome {
    case bytes([UInt8], size: Int, modified: Int64)
    case failed(SkipReason)
  }

  /// Bytes of the largest file that is read, though it was named.
  private static let most = 1 << 30
  /// Bytes that show whether the rest is worth reading.
  private static let beginning = 1 << 20

  /// Whether NUL bytes tell that it is not read: other formats have them, or say what they are.
  private static func isPlain(_ file: ScannedFile) -> Bool {
    switch FileFormat(name: file.path) {
    case .plain, .notebook: true
    default: false
    }
  }

  private static func isBinary(_ descriptor: Int32) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: beginning, alignment: 8) { buffer in
      let got = pread(descriptor, buffer.baseAddress, beginning, 0)
      return got > 0 && TextEncoding.isBinary(beginning: .init(rebasing: buffer[..<got]))
    }
  }

  /// Reads a file; when it changes meanwhile, once more, then gives up until the next run.
  /// A mapping would be faster and would end the process when the file is cut short.
  package static func read(_ file: ScannedFile) -> Outcome {
    for _ in 0..<2 {
      let descriptor = open(file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      guard descriptor >= 0 else {
        return .failed(errno == EACCES || errno == EPERM ? .permission : .unreadable)
      }
      defer { close(descriptor) }
      var before = stat()
      guard fstat(descriptor, &before) == 0, before.st_mode & S_IFMT == S_IFREG else {
        return .failed(.special)
      }
      if before.st_size > most { return .failed(.huge) }
      if before.st_size > beginning, isPlain(file), isBinary(descriptor) {
        return .failed(.binary)
      }
      guard let bytes = readAll(descriptor, Int(before.st_size)) else {
        return .failed(.unreadable)
      }
      var after = stat()
      guard fstat(descriptor, &after) == 0 else { return .failed(.unreadable) }
      let now = ScannedFile(file.path, after, isExplicit: file.isExplicit)
      if now == ScannedFile(file.path, before, isExplicit: file.isExplicit),
        bytes.count == now.size
      {
        return .bytes(bytes, size: now.size, modified: now.modified)
      }
    }
    return .failed(.changedWhileRead)
  }

  private static func readAll(_ descriptor: Int32, _ size: Int) -> [UInt8]? {
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let got = Glibc.read(descriptor, buffer.baseAddress! + count, size - count)
        if got < 0 && errno == EINTR { continue }
        if got < 0 { failed = true }
        if got <= 0 { return }
        count += got
      }
    }
    return failed ? nil : bytes
  }
}
