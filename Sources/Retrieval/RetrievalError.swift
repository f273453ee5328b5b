/// What went wrong in indexing or searching, as one sentence.
package struct RetrievalError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    /// The index was made with another embedder.
    case embedderMismatch
    /// The embedder broke its contract (count, dimension, not finite).
    case badEmbedding
    /// The index is of a format that cannot answer the question.
    case olderFormat
    /// A file of vectors is missing or not what was written.
    case damaged
    case notFound, noIndex, notIndexed, locked, badEvaluationSet, noEmbedder, io
  }

  package let code: Code
  package let message: String
  /// The file, folder or value it is about.
  package let subject: String

  package init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  package var description: String { message }
}
