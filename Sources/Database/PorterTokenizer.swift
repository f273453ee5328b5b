import CSQLite

/// FTS5's tokenizer `porter unicode61`, several times faster on mostly ASCII text, with the very
/// same tokens; but for scripts that are written without spaces, of which FTS5's own would make one token
/// a clause. Those are cut into pairs of letters (`UnspacedCutter`), of documents and questions alike.
///
/// Stemming is most of the cost of FTS5's own, and a text has few different words. This one stands
/// in front of it under the same name: words of ASCII letters and digits are looked up in a table of
/// stems, and whatever is not in it (a new word, a run with any other character, other arguments, a
/// query) goes to SQLite's. ASCII characters that are no letters or digits end a token in
/// `unicode61`, so runs between them can be taken one by one. The schema says `porter unicode61`,
/// and any other program reads the same index; what it wrote in those scripts would be cut otherwise.
/// (https://sqlite.org/fts5.html#custom_tokenizers)
final class PorterTokenizer {
  /// SQLite's own, and what it wants to be given.
  let original: fts5_tokenizer
  let instance: OpaquePointer?
  /// Whether the arguments are those this class knows.
  private let isFast: Bool
  private lazy var stems = StemTable()
  lazy var unspaced = UnspacedCutter()
  private let registration: Registration

  /// What `xFindTokenizer` found, kept while the connection lives.
  final class Registration {
    fileprivate var tokenizer = fts5_tokenizer()
    fileprivate var context: UnsafeMutableRawPointer?
    /// Whether the texts of documents are lists of tokens (`TokenList`) just now.
    var takesLists = false
    /// Whether scripts without spaces are cut into pairs.
    var cutsUnspaced = true
  }

  typealias Callback =
    @convention(c) (
      UnsafeMutableRawPointer?, Int32, UnsafePointer<CChar>?, Int32, Int32, Int32
    ) -> Int32

  private init(_ registration: Registration, _ instance: OpaquePointer?, isFast: Bool) {
    self.registration = registration
    original = registration.tokenizer
    self.instance = instance
    self.isFast = isFast
  }

  /// A tokenizer of `porter unicode61` that no table uses; nil where FTS5's interface is not to be had.
  /// - Parameter handle: a connection that outlives it.
  convenience init?(on handle: OpaquePointer) {
    guard let found = Self.find(on: handle) else { return nil }
    var inner: OpaquePointer?
    let status = "unicode61".withCString { name in
      var argument: UnsafePointer<CChar>? = name
      return found.tokenizer.xCreate?(found.context, &argument, 1, &inner) ?? SQLITE_ERROR
    }
    guard status == SQLITE_OK else { return nil }
    self.init(found, inner, isFast: true)
  }

  deinit { original.xDelete?(instance) }

  /// FTS5's own tokenizer; nil where its interface is not to be had.
  private static func find(on handle: OpaquePointer) -> Registration? {
    guard let api = interface(handle) else { return nil }
    let found = Registration()
    guard
      api.pointee.xFindTokenizer?(api, "porter", &found.context, &found.tokenizer) == SQLITE_OK,
      found.tokenizer.xCreate != nil, found.tokenizer.xTokenize != nil
    else { return nil }
    return found
  }

  /// Puts the fast tokenizer in front of a connection's own. Does nothing, and returns nil, where FTS5's
  /// interface is not to be had.
  static func install(on handle: OpaquePointer) -> Registration? {
    guard let api = interface(handle), let found = find(on: handle) else { return nil }
    var tokenizer = fts5_tokenizer(
      xCreate: { context, arguments, count, result in
        guard let context else { return SQLITE_ERROR }
        let found = Unmanaged<Registration>.fromOpaque(context).takeUnretainedValue()
        var inner: OpaquePointer?
        let status =
          found.tokenizer.xCreate?(found.context, arguments, count, &inner) ?? SQLITE_ERROR
        guard status == SQLITE_OK else { return status }
        var isFast = count == 0
        if count == 1, let name = arguments?[0] { isFast = String(cString: name) == "unicode61" }
        let made = PorterTokenizer(found, inner, isFast: isFast)
        result?.pointee = OpaquePointer(Unmanaged.passRetained(made).toOpaque())
        return SQLITE_OK
      },
      xDelete: { pointer in
        guard let pointer else { return }
        Unmanaged<PorterTokenizer>.fromOpaque(UnsafeRawPointer(pointer)).release()
      },
      xTokenize: { pointer, context, flags, text, count, callback in
        guard let pointer, let callback else { return SQLITE_ERROR }
        return Unmanaged<PorterTokenizer>.fromOpaque(UnsafeRawPointer(pointer))
          ._withUnsafeGuaranteedRef {
            $0.tokenize(context, flags, text, count, callback)
          }
      })
    _ = api.pointee.xCreateTokenizer?(
      api, "porter", Unmanaged.passRetained(found).toOpaque(), &tokenizer,
      { context in if let context { Unmanaged<Registration>.fromOpaque(context).release() } })
    return found
  }

  /// FTS5's own interface; nil where it is not compiled in.
  static func interface(_ handle: OpaquePointer) -> UnsafeMutablePointer<fts5_api>? {
    var statement: OpaquePointer?
    guard sqlite3_prepare_v2(handle, "SELECT fts5(?1)", -1, &statement, nil) == SQLITE_OK else {
      return nil
    }
    defer { sqlite3_finalize(statement) }
    var api: UnsafeMutablePointer<fts5_api>?
    withUnsafeMutablePointer(to: &api) { target in
      _ = sqlite3_bind_pointer(statement, 1, target, Statement.interfaceType, nil)
      _ = sqlite3_step(statement)
    }
    return api
  }

  func tokenize(
    _ context: UnsafeMutableRawPointer?, _ flags: Int32, _ text: UnsafePointer<CChar>?,
    _ count: Int32, _ callback: Callback
  ) -> Int32 {
    guard let text, let inner = original.xTokenize else { return SQLITE_OK }
    if registration.takesLists, flags & FTS5_TOKENIZE_DOCUMENT != 0 {
      // Made for other arguments, a list would be wrong.
      guard isFast else { return SQLITE_MISUSE }
      let list = UnsafeRawBufferPointer(start: text, count: Int(count))
      return TokenList.forEach(list) { callback(context, 0, $0, $1, 0, 0) }
    }
    let bytes = UnsafeRawPointer(text).assumingMemoryBound(to: UInt8.self)
    let cuts = isFast && registration.cutsUnspaced
    if !isFast || flags & FTS5_TOKENIZE_QUERY != 0 {
      let query = UnsafeBufferPointer(start: bytes, count: Int(count))
      if cuts, UnspacedText.isPresent(in: query) {
        return cutUnspaced(query, at: 0, isQuery: true, context, flags, callback)
      }
      return inner(instance, context, flags, text, count, callback)
    }
    let classes = Self.classes
    let stems = stems
    let end = Int(count)
    var index = 0
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: StemTable.wordRoom) { word in
      guard let letters = word.baseAddress else { return SQLITE_NOMEM }
      while index < end {
        if classes[Int(bytes[index])] == 0 {
          index += 1
          continue
        }
        let start = index
        // 1, what is not ASCII, is the lowest there is.
        var lowest: UInt8 = .max
        while index < end {
          let folded = classes[Int(bytes[index])]
          if folded == 0 { break }
          lowest = min(lowest, folded)
          // Of longer words nothing is looked up, so they may write over their beginning.
          letters[(index - start) & (StemTable.longest - 1)] = folded
          index += 1
        }
        let length = index - start
        let status: Int32
        if lowest > 1 && length <= StemTable.longest {
          let hash = StemTable.hash(letters, length)
          let plain = UnsafeBufferPointer(start: UnsafePointer(letters), count: length)
          if let stem = stems.find(plain, hash) {
            status = stem.withMemoryRebound(to: CChar.self) {
              callback(
                context, 0, $0.baseAddress, Int32($0.count), Int32(start), Int32(start + length))
            }
          } else {
            status = emit(plain, hash, start, context, callback)
          }
        } else if cuts, lowest == 1,
          UnspacedText.isPresent(in: UnsafeBufferPointer(start: bytes + start, count: length))
        {
          index = Self.endAcrossLines(bytes, index, end)
          let run = UnsafeBufferPointer(start: bytes + start, count: index - start)
          status = cutUnspaced(run, at: start, isQuery: false, context, flags, callback)
        } else {
          var shift = Shift(context: context, callback: callback, offset: Int32(start))
          status = withUnsafeMutablePointer(to: &shift) {
            inner(instance, $0, flags, text + start, Int32(length), Shift.forward)
          }
        }
        if status != SQLITE_OK { return status }
      }
      return SQLITE_OK
    }
  }

  /// Passes on one token of ASCII letters and digits in lower case that is not in the table yet.
  private func emit(
    _ word: UnsafeBufferPointer<UInt8>, _ hash: UInt32, _ start: Int,
    _ context: UnsafeMutableRawPointer?, _ callback: Callback
  ) -> Int32 {
    guard let inner = original.xTokenize else { return SQLITE_ERROR }
    var capture = Capture()
    let status = withUnsafeMutablePointer(to: &capture) { target in
      word.withMemoryRebound(to: CChar.self) {
        inner(
          instance, target, FTS5_TOKENIZE_DOCUMENT, $0.baseAddress, Int32($0.count), Capture.take)
      }
    }
    guard status == SQLITE_OK, capture.tokens == 1 else { return status }
    stems.insert(word, hash, stem: capture.stem)
    return capture.stem.withUnsafeBufferPointer { stem in
      stem.withMemoryRebound(to: CChar.self) {
        callback(
          context, 0, $0.baseAddress, Int32($0.count), Int32(start), Int32(start + word.count))
      }
    }
  }

  /// Receives the tokens of one run and moves their offsets to those of the text.
  struct Shift {
    var context: UnsafeMutableRawPointer?
    var callback: Callback
    var offset: Int32

    static let forward: Callback = { pointer, flags, token, count, start, end in
      guard let shift = pointer?.assumingMemoryBound(to: Shift.self) else { return SQLITE_ERROR }
      return shift.pointee.callback(
        shift.pointee.context, flags, token, count, start + shift.pointee.offset,
        end + shift.pointee.offset)
    }
  }

  /// Receives the one token of a word.
  private struct Capture {
    var stem: [UInt8] = []
    var tokens = 0

    static let take: Callback = { pointer, _, token, count, _, _ in
      guard let capture = pointer?.assumingMemoryBound(to: Capture.self) else {
        return SQLITE_ERROR
      }
      let bytes = UnsafeRawBufferPointer(start: token, count: Int(count))
      capture.pointee.stem = Array(bytes)
      capture.pointee.tokens += 1
      return SQLITE_OK
    }
  }

  /// For each byte: 0 ends a token, 1 is not ASCII, else the letter or digit in lower case.
  nonisolated(unsafe) static let classes: UnsafePointer<UInt8> = {
    let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
    for byte in 0..<256 {
      table[byte] =
        switch UInt8(byte) {
        case 48...57, 97...122: UInt8(byte)
        case 65...90: UInt8(byte) | 0x20
        case 0x80...0xff: 1
        default: 0
        }
    }
    return UnsafePointer(table)
  }()
}

extension Connection {
  /// Makes this connection's FTS5 cut `porter unicode61` text faster, into the same tokens. Call it
  /// before the first use of an FTS5 table.
  package func useFastTokenizer() { tokenizer = PorterTokenizer.install(on: handle) }

  /// Runs `body`. What it inserts into `porter unicode61` tables are no texts but lists of their tokens
  /// (`TokenCutter`), which are entered as they are: for tables that keep no copy of the text.
  package func withTokenLists<R>(_ body: () throws -> R) throws -> R {
    guard let tokenizer else {
      throw DatabaseError(
        .other, "This SQLite has no FTS5, so \(path) cannot be written. Install one that has.",
        path: path)
    }
    tokenizer.takesLists = true
    defer { tokenizer.takesLists = false }
    return try body()
  }
}
