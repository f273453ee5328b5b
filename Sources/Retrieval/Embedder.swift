/// What decides whether two vectors may be compared. Stored in the index; any difference refuses.
package struct EmbedderIdentity: Sendable, Equatable, Codable {
  /// The model's name, as the user knows it: "all-minilm-l6-v2".
  package var name: String
  /// SHA-256 of the weights file, hexadecimal.
  package var sha256: String
  /// Floats in a vector.
  package var dimension: Int
  /// How token states become one vector: "mean", "cls", "last".
  package var pooling: String
  /// Text put before every passage, "" for none.
  package var prefix: String

  package init(name: String, sha256: String, dimension: Int, pooling: String, prefix: String) {
    self.name = name
    self.sha256 = sha256
    self.dimension = dimension
    self.pooling = pooling
    self.prefix = prefix
  }
}

/// Turns texts into vectors. Retrieval knows no network: whoever has one conforms.
///
/// The test each conformer passes: for any texts, `embed` returns `texts.count × dimension` finite
/// floats, row i is text i's vector with length 1 (±1e-3), the same text gives the same vector
/// whatever else is in the call, and cancelling the task makes it throw within a second.
package protocol Embedder: Sendable {
  var identity: EmbedderIdentity { get }

  /// Tokens of a passage the model reads; what is beyond is ignored by it. Chunks are cut to fit.
  var maximumTokens: Int { get }

  /// Vectors of passages. Returns [text][dimension], L2-normalised.
  func embed(_ texts: [String]) async throws -> [Float]

  /// The vector of a question, where the model treats questions otherwise. Returns [dimension].
  func embedQuery(_ text: String) async throws -> [Float]

  /// Whether a word, in lower case, is one that the model has as a whole. Such a word is spelled as it was
  /// meant, even where no document has it.
  func knows(_ word: String) -> Bool

  /// The pieces that the model cuts a word into: for each, whether it is in the vocabulary. nil where
  /// nothing is known of that; then the model is taken to read everything.
  func pieces(of word: String) -> [Bool]?
}

extension Embedder {
  package var maximumTokens: Int { 256 }

  package func embedQuery(_ text: String) async throws -> [Float] { try await embed([text]) }

  package func knows(_ word: String) -> Bool { false }

  package func pieces(of word: String) -> [Bool]? { nil }
}
