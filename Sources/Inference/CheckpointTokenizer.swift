import Tokenization

/// The byte-level BPE tokenizer of a `tokenizer.json`.
struct CheckpointTokenizer {
  let tokenizer: BytePairTokenizer

  /// As the gpt-oss checkpoints have it.
  init(gptOSS file: JSONNode, path: String) throws(InferenceError) {
    try self.init(
      file, preTokenizer: .gpt4o, bos: "<|startoftext|>", eos: "<|return|>", path: path)
  }

  /// - Parameter preTokenizer: the family's; the pattern written in the file is not interpreted.
  init(
    _ file: JSONNode, preTokenizer: PreTokenizer, bos: String, eos: String, path: String
  ) throws(InferenceError) {
    guard case .object(let entries) = file["model"]?["vocab"],
      case .array(let merges) = file["model"]?["merges"]
    else {
      throw InferenceError(.badTokenizer, "expected a BPE vocabulary with merges", path: path)
    }
    var pieces: [Int: (piece: [UInt8], control: Bool)] = [:]
    for (piece, id) in entries {
      guard let id = id.int else { continue }
      pieces[id] = (piece, false)
    }
    for token in file["added_tokens"]?.array ?? [] {
      guard let id = token["id"]?.int, case .string(let piece) = token["content"] else { continue }
      pieces[id] = (piece, token["special"]?.bool ?? true)
    }
    let count = (pieces.keys.max() ?? -1) + 1
    guard pieces.keys.min() ?? 0 >= 0, count < 1 << 21 else {
      throw InferenceError(.badTokenizer, "expected ids from 0 to 2,097,150", path: path)
    }
    func joined(_ merge: JSONNode) -> [UInt8] {
      switch merge {
      case .string(let text): text
      case .array(let pair):
        Array(
          pair.map { part -> [UInt8] in if case .string(let text) = part { text } else { [] } }
            .joined(separator: [0x20]))
      default: []
      }
    }
    do throws(TokenizationError) {
      let spellings = (0..<count).map { pieces[$0]?.piece ?? Array("<|reserved_\($0)|>".utf8) }
      let types = (0..<count).map { pieces[$0]?.control ?? true ? Int32(3) : Int32(1) }
      let vocabulary = try Vocabulary(pieces: Self.strings(spellings), scores: nil, types: types)
      tokenizer = try BytePairTokenizer(
        vocabulary: vocabulary, merges: Self.strings(merges.map(joined)),
        preTokenizer: preTokenizer, bos: pieces.first { $0.value.piece == Array(bos.utf8) }?.key,
        eos: pieces.first { $0.value.piece == Array(eos.utf8) }?.key)
    } catch {
      throw InferenceError(.badTokenizer, error.message, subject: error.subject, path: path)
    }
  }

  private static func strings(_ list: [[UInt8]]) throws(TokenizationError) -> ByteStrings {
    try ByteStrings(joining: list)
  }
}

extension ByteStrings {
  /// Copies byte strings that lie apart.
  convenience init(joining list: [[UInt8]]) throws(TokenizationError) {
    var starts = [0]
    starts.reserveCapacity(list.count + 1)
    for text in list { starts.append(starts[starts.count - 1] + text.count) }
    let bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, starts[list.count]), alignment: 1)
    defer { bytes.deallocate() }
    for (text, start) in zip(list, starts) {
      for (i, byte) in text.enumerated() { bytes[start + i] = byte }
    }
    let lent = UnsafeRawBufferPointer(bytes)
    try self.init(count: list.count) {
      UnsafeRawBufferPointer(rebasing: lent[starts[$0]..<starts[$0 + 1]])
    }
  }
}
