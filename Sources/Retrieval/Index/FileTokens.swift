import Database

/// The words of a file's passages, cut where the file was read: entering them is all that is left to the
/// one thread that writes.
struct FileTokens: Sendable {
  /// As `TokenCutter` makes it; the ranges point into it.
  private(set) var list: [UInt8] = []
  private var path = 0..<0
  private var title = 0..<0
  private var passages: [(headings: Range<Int>, body: Range<Int>)] = []

  init() {}

  /// - Parameter utf8: the text that the passages' `textRange`s point into.
  init(
    _ file: FileRecord, _ chunks: [ChunkRecord], _ utf8: UnsafeRawBufferPointer,
    _ cutter: TokenCutter
  ) throws {
    path = try cutter.append(file.words)
    title = try cutter.append(file.title)
    passages.reserveCapacity(chunks.count)
    for (index, chunk) in chunks.enumerated() {
      // Passages of one section have the same headings.
      let headings =
        index > 0 && chunks[index - 1].headings == chunk.headings
        ? passages[index - 1].headings : try cutter.append(chunk.headings)
      let body = try cutter.append(UnsafeRawBufferPointer(rebasing: utf8[chunk.textRange]))
      passages.append((headings, body))
    }
    list = cutter.takeList()
  }

  /// Binds the words of a passage to the columns path, title, headings and body, lent until the statement
  /// is reset.
  /// - Parameter bytes: those of `list`.
  func bind(
    _ passage: Int, of bytes: UnsafeRawBufferPointer, to statement: Statement, from first: Int32
  ) throws {
    let (headings, body) = passages[passage]
    try statement.bindLentText(first, UnsafeRawBufferPointer(rebasing: bytes[path]))
    try statement.bindLentText(first + 1, UnsafeRawBufferPointer(rebasing: bytes[title]))
    try statement.bindLentText(first + 2, UnsafeRawBufferPointer(rebasing: bytes[headings]))
    try statement.bindLentText(first + 3, UnsafeRawBufferPointer(rebasing: bytes[body]))
  }
}
