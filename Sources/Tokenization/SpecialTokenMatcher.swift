/// Finds whole tokens inside a text: leftmost first, longest first, no rescan.
///
/// A trie over the tokens' bytes; each position costs at most the longest token, and only where
/// one of their first bytes stands.
final class SpecialTokenMatcher: Sendable {

  private let nodes: [TokenID]
  /// `parent << 8 | byte` to child, open addressing, key + 1 so that 0 is free.
  private let keys: [UInt64]
  private let children: [Int32]
  private let begins: [Bool]
  let isEmpty: Bool

  /// - Parameter tokens: spelling and id; of two equal spellings the first stays.
  init(_ tokens: [(bytes: UnsafeBufferPointer<UInt8>, id: TokenID)]) {
    var total = 16
    for token in tokens { total += token.bytes.count }
    var capacity = 16
    while capacity < total * 2 { capacity *= 2 }
    var keys = [UInt64](repeating: 0, count: capacity)
    var children = [Int32](repeating: 0, count: capacity)
    var nodes: [TokenID] = [-1]
    var begins = [Bool](repeating: false, count: 256)
    for token in tokens where !token.bytes.isEmpty {
      var node = 0
      begins[Int(token.bytes[0])] = true
      for byte in token.bytes {
        let key = UInt64(node) << 8 | UInt64(byte)
        var slot = Self.slot(key, capacity)
        while keys[slot] != 0, keys[slot] != key + 1 { slot = (slot + 1) & (capacity - 1) }
        if keys[slot] == 0 {
          keys[slot] = key + 1
          children[slot] = Int32(nodes.count)
          nodes.append(-1)
        }
        node = Int(children[slot])
      }
      if nodes[node] < 0 { nodes[node] = token.id }
    }
    self.keys = keys
    self.children = children
    self.nodes = nodes
    self.begins = begins
    isEmpty = nodes.count == 1
  }

  private static func slot(_ key: UInt64, _ capacity: Int) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 20) & (capacity - 1)
  }

  /// Cuts a text into stretches of plain text and tokens, in order. `text` is not called for
  /// empty stretches.
  func split(
    _ bytes: UnsafeBufferPointer<UInt8>, text: (UnsafeBufferPointer<UInt8>) -> Void,
    token: (TokenID) -> Void
  ) {
    var start = 0
    var position = 0
    begins.withUnsafeBufferPointer { begins in
      if isEmpty { position = bytes.count }
      while position < bytes.count {
        if begins[Int(bytes[position])], let found = match(bytes, at: position) {
          if start < position { text(UnsafeBufferPointer(rebasing: bytes[start..<position])) }
          token(found.id)
          position = found.end
          start = position
        } else {
          position += 1
        }
      }
    }
    if start < bytes.count { text(UnsafeBufferPointer(rebasing: bytes[start...])) }
  }

  /// The longest token that begins at `position`.
  fileprivate func match(
    _ bytes: UnsafeBufferPointer<UInt8>, at position: Int
  ) -> (id: TokenID, end: Int)? {
    var best: (id: TokenID, end: Int)?
    var node = 0
    var index = position
    while index < bytes.count {
      let key = UInt64(node) << 8 | UInt64(bytes[index])
      var slot = Self.slot(key, keys.count)
      while keys[slot] != 0, keys[slot] != key + 1 { slot = (slot + 1) & (keys.count - 1) }
      guard keys[slot] != 0 else { break }
      node = Int(children[slot])
      index += 1
      if nodes[node] >= 0 { best = (nodes[node], index) }
    }
    return best
  }
}

extension SpecialTokenMatcher {
  /// The token spelled exactly so.
  func token(of bytes: UnsafeBufferPointer<UInt8>) -> TokenID? {
    guard !bytes.isEmpty, let found = match(bytes, at: 0), found.end == bytes.count else {
      return nil
    }
    return found.id
  }
}
