import Compute

/// A copy of what the windowed layers held at one place of a prompt, so that the timeline can go back
/// there after their rings have gone on.
///
/// Chat formats that rewrite the newest turn (Harmony drops its analysis) make the next prompt differ
/// right behind the last one. Layers that see everything just forget the end; a ring has overwritten
/// what a token there would see, and gets it back from here. A question that is asked again or edited
/// parts earlier, at a border between turns.
struct RingCheckpoint {
  struct Ring {
    let layer: Int
    let window: Int
    let tiles: Range<Int>
    let contents: [UInt8]
  }

  /// The most kept at once: the prompts of one answer with its rounds of tool calls, and borders.
  static let limit = 4 + borderLimit
  static let borderLimit = 3
  /// Bytes they may take together; layers with very long windows go without.
  static let byteLimit = 64 << 20

  let rings: [Ring]
  /// Whether it lies inside a prompt rather than at its end.
  let isBorder: Bool
  /// One more than the last position it holds.
  private(set) var end: Int

  /// - Parameters:
  ///   - end: a place the timeline can go back to as things are.
  ///   - oldest: the first tile that a layer's ring still holds.
  init(
    _ caches: [KeyValueCache], layers: [LayerPlan], end: Int, isBorder: Bool,
    oldest: (_ layer: Int) -> Int
  ) {
    self.end = end
    self.isBorder = isBorder
    rings = layers.indices.filter { layers[$0].window > 0 }.map { index in
      let wanted = Self.tiles(window: layers[index].window, end: end)
      let tiles = max(wanted.lowerBound, oldest(index))..<wanted.upperBound
      return Ring(
        layer: index, window: layers[index].window, tiles: tiles,
        contents: caches[index].contents(of: tiles))
    }
  }

  /// One that was read from a file.
  init(end: Int, rings: [Ring]) {
    self.end = end
    isBorder = false
    self.rings = rings
  }

  /// A window and one tile: a prompt that parts a few tokens earlier finds its window too.
  static func tiles(window: Int, end: Int) -> Range<Int> {
    let tile = KeyValueCache.tile
    return max(0, end - window - tile) / tile..<(end + tile - 1) / tile
  }

  /// How many of them a session of this network keeps; 0 when no ring can lose anything, or when one
  /// would be too large.
  static func count(_ caches: [KeyValueCache], layers: [LayerPlan], context: Int) -> Int {
    let tile = KeyValueCache.tile
    let rings = zip(caches, layers).filter { $1.window > 0 }
    guard rings.contains(where: { $0.0.slots * tile < context }) else { return 0 }
    let bytes = rings.reduce(0) { $0 + (($1.1.window + 2 * tile) / tile + 1) * $1.0.tileBytes }
    return min(limit, byteLimit / max(1, bytes))
  }

  /// The most all of a session's checkpoints take, from the plan alone.
  static func bytes(
    _ plan: DecoderConfiguration, context: Int, batch: Int, element: CacheElement
  ) -> Int {
    let tile = KeyValueCache.tile
    let rings = plan.layers.filter { $0.window > 0 }
    func slots(_ positions: Int) -> Int { (positions + tile - 1) / tile }
    guard
      rings.contains(where: {
        slots(plan.positions(of: $0, context: context, batch: batch)) * tile < context
      })
    else { return 0 }
    func bytes(_ tiles: (LayerPlan) -> Int) -> Int {
      rings.reduce(0) {
        $0
          + KeyValueCache.byteCount(
            heads: $1.keyHeads, keySize: plan.keySize, valueSize: plan.valueSize,
            positions: tiles($1) * tile, element: element)
      }
    }
    let count = min(limit, byteLimit / max(1, bytes { ($0.window + 2 * tile) / tile + 1 }))
    return count * bytes { min(($0.window + tile) / tile + 1, slots(context)) }
  }

  /// The latest position at or before `position` that a timeline can go back to; nil when none.
  func place(atOrBefore position: Int) -> Int? {
    let place = min(position, end)
    let whole = rings.allSatisfy {
      $0.tiles.lowerBound * KeyValueCache.tile <= max(0, place - $0.window + 1)
    }
    return whole ? place : nil
  }

  /// Follows a timeline that forgot its tokens from `count` on.
  mutating func forget(from count: Int) { end = min(end, count) }

  /// Gives every ring its tiles back; `restored` is told the first of each layer.
  func restore(_ caches: [KeyValueCache], restored: (_ layer: Int, _ firstTile: Int) -> Void) {
    for ring in rings {
      caches[ring.layer].setContents(of: ring.tiles, to: ring.contents)
      restored(ring.layer, ring.tiles.lowerBound)
    }
  }
}
