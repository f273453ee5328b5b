import Compute

// Going back to an earlier place of a timeline.
extension DecodingSession {
  /// Drops tokens from the end until at most `count` are left: to the latest place before it where
  /// the windowed layers hold, or get back from a checkpoint, what the next token sees.
  package func truncate(to count: Int) {
    guard count < tokens.count else { return }
    var place = count
    if !canResume(at: count) {
      let best = checkpoints.best(atOrBefore: count)
      place = best?.place ?? 0
      best?.checkpoint.restore(caches) { layer, firstTile in oldestTile[layer] = firstTile }
      written = place
    }
    tokens.removeLast(tokens.count - place)
    checkpoints.forget(from: place)
    if tokens.isEmpty {
      written = 0
      oldestTile = oldestTile.map { _ in 0 }
    }
    hasLogits = false
  }

  /// Whether every layer still has the keys that a token at `position` sees.
  package func canResume(at position: Int) -> Bool {
    plan.layers.indices.allSatisfy { layer in
      let window = plan.layers[layer].window
      guard window > 0, written > 0 else { return true }
      return max(0, position - window + 1) / KeyValueCache.tile >= firstTile(of: layer)
    }
  }

  /// The first tile that a windowed layer's ring holds.
  func firstTile(of layer: Int) -> Int {
    max(oldestTile[layer], (written - 1) / KeyValueCache.tile - caches[layer].slots + 1)
  }

  /// Whether `sync` has a use for borders.
  package var keepsBorders: Bool { checkpoints.keepsBorders }

  /// Keeps what the rings hold of the window before a place in the prompt.
  func saveCheckpoint(at place: Int, isBorder: Bool) {
    guard canResume(at: place), isBorder || checkpoints.makeRoom(forEnd: place) else { return }
    checkpoints.add(
      RingCheckpoint(
        caches, layers: plan.layers, end: place, isBorder: isBorder, oldest: firstTile))
  }
}
