/// Keeps an embedder busy: texts of like length together, bounded batches, every answer checked.
package struct EmbeddingService: Sendable {
  package let embedder: any Embedder
  /// Texts given to the embedder at once.
  package var batch = 32

  package init(_ embedder: any Embedder) { self.embedder = embedder }

  /// Vectors in the order of `texts`: [text][dimension], each of length 1.
  /// - Parameter progress: told the number of texts done, after each batch.
  /// - Throws: `.badEmbedding` when the embedder breaks its contract; `CancellationError`.
  package func embed(
    _ texts: [String], progress: (@Sendable (Int) -> Void)? = nil
  ) async throws -> [Float] {
    let dimension = embedder.identity.dimension
    var vectors = [Float](repeating: 0, count: texts.count * dimension)
    // Longest first: a batch is padded to its longest, and memory peaks at the start.
    let order = texts.indices.sorted { a, b in
      let (left, right) = (texts[a].utf8.count, texts[b].utf8.count)
      return left != right ? left > right : a < b
    }
    var done = 0
    while done < order.count {
      try Task.checkCancellation()
      let part = order[done..<min(done + batch, order.count)]
      let answer = try await embedder.embed(part.map { texts[$0] })
      try check(answer, count: part.count)
      for (position, text) in part.enumerated() {
        store(answer, position, in: &vectors, text, dimension)
      }
      done += part.count
      progress?(done)
    }
    return vectors
  }

  /// The vector of a question: [dimension], of length 1.
  package func embedQuery(_ text: String) async throws -> [Float] {
    let answer = try await embedder.embedQuery(text)
    try check(answer, count: 1)
    var vector = answer
    store(answer, 0, in: &vector, 0, answer.count)
    return vector
  }

  private func check(_ answer: [Float], count: Int) throws {
    let identity = embedder.identity
    guard answer.count == count * identity.dimension else {
      throw RetrievalError(
        .badEmbedding,
        "The embedder \(identity.name) returned \(answer.count) numbers for \(count) texts; "
          + "\(count * identity.dimension) were expected.", subject: identity.name)
    }
    guard answer.allSatisfy(\.isFinite) else {
      throw RetrievalError(
        .badEmbedding, "The embedder \(identity.name) returned a number that is not finite.",
        subject: identity.name)
    }
  }

  /// Copies one vector, brought to length 1. A vector of zeros stays.
  private func store(
    _ answer: [Float], _ position: Int, in vectors: inout [Float], _ text: Int, _ dimension: Int
  ) {
    var squares: Float = 0
    for index in 0..<dimension {
      let value = answer[position * dimension + index]
      squares += value * value
    }
    // One that is of length 1 to within rounding is kept bit by bit.
    let scale = squares > 0 && abs(squares - 1) > 1e-4 ? 1 / squares.squareRoot() : 1
    for index in 0..<dimension {
      vectors[text * dimension + index] = answer[position * dimension + index] * scale
    }
  }
}
