import CSQLite

// Scripts that are written without spaces.
extension PorterTokenizer {
  /// Cuts a run that has letters of such scripts; what lies between them is FTS5's own to cut.
  /// - Parameter start: where the run begins in the text that FTS5 gave.
  func cutUnspaced(
    _ run: UnsafeBufferPointer<UInt8>, at start: Int, isQuery: Bool,
    _ context: UnsafeMutableRawPointer?, _ flags: Int32, _ callback: Callback
  ) -> Int32 {
    guard let inner = original.xTokenize else { return SQLITE_ERROR }
    return unspaced.cut(run, isQuery: isQuery) { place, bytes in
      var shift = Shift(
        context: context, callback: callback, offset: Int32(start + place.lowerBound))
      return withUnsafeMutablePointer(to: &shift) { shift in
        bytes.withMemoryRebound(to: CChar.self) {
          inner(instance, shift, flags, $0.baseAddress, Int32($0.count), Shift.forward)
        }
      }
    } token: { token in
      token.utf8.withMemoryRebound(to: CChar.self) {
        callback(
          context, 0, $0.baseAddress, Int32($0.count), Int32(start + token.place.lowerBound),
          Int32(start + token.place.upperBound))
      }
    }
  }

  /// The end of a run that ends at `end` and of those on the next lines that may go on with it.
  static func endAcrossLines(_ bytes: UnsafePointer<UInt8>, _ end: Int, _ count: Int) -> Int {
    var end = end
    while end < count, bytes[end] == 10 || bytes[end] == 13 {
      var next = end
      while next < count, bytes[next] == 32 || (9...13).contains(bytes[next]) { next += 1 }
      // Kana and Han begin with these bytes; `UnspacedCutter` looks closer.
      guard next < count, bytes[next] >= 0xe3 else { break }
      while next < count, classes[Int(bytes[next])] != 0 { next += 1 }
      end = next
    }
    return end
  }
}

extension Connection {
  /// Runs `body` with whole clauses for tokens in scripts that are written without spaces, as FTS5's own
  /// tokenizer makes them and this one did up to format 2: to take out what was entered then.
  package func withWholeClauses<R>(_ body: () throws -> R) rethrows -> R {
    tokenizer?.cutsUnspaced = false
    defer { tokenizer?.cutsUnspaced = true }
    return try body()
  }
}
