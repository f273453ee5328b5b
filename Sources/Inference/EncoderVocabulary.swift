import Tokenization

/// The WordPiece vocabulary of a `tokenizer.json`.
struct EncoderVocabulary {
  let tokenizer: WordPieceTokenizer

  /// Truncation and padding written in the file are settings of whoever saved it, not of the model,
  /// and are not followed.
  init(_ file: JSONNode, path: String) throws(InferenceError) {
    guard case .object(let entries) = file["model"]?["vocab"],
      file["model"]?["type"]?.text ?? "WordPiece" == "WordPiece"
    else {
      throw InferenceError(.badTokenizer, "expected a WordPiece vocabulary", path: path)
    }
    var pieces = [[UInt8]?](repeating: nil, count: entries.count)
    for (piece, id) in entries {
      guard let id = id.int, pieces.indices.contains(id), pieces[id] == nil else {
        throw InferenceError(
          .badTokenizer, "expected the ids 0 to \(entries.count - 1), each once",
          subject: String(decoding: piece, as: UTF8.self), path: path)
      }
      pieces[id] = piece
    }
    let uncased = file["normalizer"]?["lowercase"]?.bool ?? true
    do throws(TokenizationError) {
      let vocabulary = try Vocabulary(
        pieces: ByteStrings(joining: pieces.map { $0 ?? [] }), scores: nil, types: nil)
      tokenizer = try WordPieceTokenizer(vocabulary: vocabulary, uncased: uncased)
    } catch {
      throw InferenceError(.badTokenizer, error.message, subject: error.subject, path: path)
    }
  }
}
