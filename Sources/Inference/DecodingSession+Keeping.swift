import Compute
import Glibc
import Storage
import Tokenization

/// Keeping a timeline in a file, and taking it up again (TimelineFile.swift has the format).
extension DecodingSession {
  /// SHA-256 of all that the bits of keys and values depend on besides the tokens. Neither threads
  /// nor batches nor the CPU are among it: they change nothing.
  private var identity: [UInt8] {
    var text = "\(TimelineFile.format)\n\(model.stamp)\n\(engine.kernels) \(precision)"
    for (layer, cache) in zip(plan.layers, caches) {
      text += "\n\(cache.element) \(cache.heads) \(cache.tileBytes) \(layer.window)"
    }
    var hash = SHA256()
    Array(text.utf8).withUnsafeBytes { hash.update($0) }
    return Array(hash.finalize())
  }

  private var wholeLayers: [Int] { plan.layers.indices.filter { plan.layers[$0].window == 0 } }

  /// What the rings hold now, and what they held at the end of the latest prompt: chat formats that
  /// rewrite the newest turn part from it there.
  private var ringStates: [RingCheckpoint] {
    guard wholeLayers.count < plan.layers.count else { return [] }
    let now = RingCheckpoint(
      caches, layers: plan.layers, end: tokens.count, isBorder: false, oldest: firstTile)
    let before = checkpoints.ends.last { checkpoint in
      // One that was cut off holds tiles beyond its end: it is not worth keeping.
      checkpoint.end < tokens.count
        && checkpoint.place(atOrBefore: checkpoint.end) == checkpoint.end
        && checkpoint.rings.allSatisfy {
          $0.tiles.upperBound
            == RingCheckpoint.tiles(window: $0.window, end: checkpoint.end).upperBound
        }
    }
    return [now] + (before.map { [$0] } ?? [])
  }

  private func tiles(_ count: Int) -> Range<Int> {
    0..<(count + KeyValueCache.tile - 1) / KeyValueCache.tile
  }

  /// The tiles of so many tokens, a few at a time: no copy is ever large.
  private func parts(_ count: Int) -> [Range<Int>] {
    let end = tiles(count).upperBound
    return stride(from: 0, to: end, by: TimelineFile.tilesAtOnce).map {
      $0..<min($0 + TimelineFile.tilesAtOnce, end)
    }
  }

  /// The most bytes that `keep` would write of so many tokens.
  package func keptBytes(tokens count: Int) -> Int {
    zip(plan.layers, caches).reduce(TimelineFile.headBytes + 4 * count + 8) { sum, layer in
      let (plan, cache) = layer
      if plan.window == 0 { return sum + tiles(count).count * cache.tileBytes }
      let ring = RingCheckpoint.tiles(window: plan.window, end: count).count + 1
      return sum + TimelineFile.mostRings * (ring * cache.tileBytes + 16)
    }
  }

  /// Gives the file of this timeline piece by piece. It must not be empty.
  ///
  /// - Parameter append: takes the next bytes; false stops.
  /// - Returns: false when it was stopped.
  package func keep(_ append: (UnsafeRawBufferPointer) -> Bool) -> Bool {
    guard !tokens.isEmpty else { return false }
    let states = ringStates
    let all = tiles(tokens.count)
    var size = TimelineFile.headBytes + 4 * tokens.count + 8
    for layer in wholeLayers { size += all.count * caches[layer].tileBytes }
    for ring in states.flatMap(\.rings) { size += 16 + ring.contents.count }
    let head = TimelineFile(
      identity: identity, fileBytes: size, tokens: tokens.count, rings: states.map(\.end))
    var checksum = TimelineChecksum()
    func put(_ bytes: some Collection<UInt8>) -> Bool {
      Array(bytes).withUnsafeBytes {
        checksum.add($0)
        return append($0)
      }
    }
    guard put(head.bytes) else { return false }
    guard
      tokens.withUnsafeBytes({
        checksum.add($0)
        return append($0)
      })
    else { return false }
    for layer in wholeLayers {
      for part in parts(tokens.count) {
        guard put(caches[layer].contents(of: part)) else { return false }
      }
    }
    for ring in states.flatMap(\.rings) {
      guard put(TimelineFile.little([ring.tiles.lowerBound, ring.tiles.count])), put(ring.contents)
      else { return false }
    }
    return put(TimelineFile.little([checksum.value]))
  }

  /// Takes up the timeline that a file keeps. What was held before is forgotten.
  ///
  /// The file may be anything: nothing is allocated that this session's own sizes do not bound, and
  /// where something does not agree the timeline is empty afterwards.
  ///
  /// - Parameter read: fills the buffer with the next bytes; false where the file has no more.
  /// - Returns: how many tokens were taken up; nil when the file is not of this model and session.
  package func takeUp(
    fileBytes: Int, _ read: (UnsafeMutableRawBufferPointer) -> Bool
  ) -> Int? {
    truncate(to: 0)
    if let count = tryTakingUp(fileBytes: fileBytes, read) { return count }
    tokens = []
    written = 0
    oldestTile = oldestTile.map { _ in 0 }
    checkpoints.replace(by: [])
    return nil
  }

  private func tryTakingUp(
    fileBytes: Int, _ read: (UnsafeMutableRawBufferPointer) -> Bool
  ) -> Int? {
    var checksum = TimelineChecksum()
    var left = fileBytes
    func take(_ count: Int) -> [UInt8]? {
      guard count <= left else { return nil }
      left -= count
      var done = false
      let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        let place = UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count])
        done = read(place)
        guard done else { return }
        checksum.add(UnsafeRawBufferPointer(place))
        filled = count
      }
      return done ? bytes : nil
    }
    func numbers(_ count: Int) -> [Int]? {
      take(8 * count)?.withUnsafeBytes { bytes in
        (0..<count).map {
          Int(
            truncatingIfNeeded: Int64(
              littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)))
        }
      }
    }
    guard let bytes = take(TimelineFile.headBytes), let head = TimelineFile(bytes),
      head.identity == identity, head.fileBytes == fileBytes, head.tokens <= context,
      head.rings.isEmpty == (wholeLayers.count == plan.layers.count),
      let idBytes = take(4 * head.tokens)
    else { return nil }
    let ids = idBytes.withUnsafeBytes { bytes in
      (0..<head.tokens).map {
        TokenID(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)))
      }
    }
    guard (try? check(ids, after: 0)) != nil else { return nil }
    for layer in wholeLayers {
      for part in parts(head.tokens) {
        guard let contents = take(part.count * caches[layer].tileBytes) else { return nil }
        caches[layer].setContents(of: part, to: contents)
      }
    }
    var states: [RingCheckpoint] = []
    for end in head.rings {
      var rings: [RingCheckpoint.Ring] = []
      for layer in plan.layers.indices where plan.layers[layer].window > 0 {
        let window = plan.layers[layer].window
        let wanted = RingCheckpoint.tiles(window: window, end: end)
        guard let range = numbers(2), wanted.contains(range[0]),
          range[1] == wanted.upperBound - range[0], range[1] <= caches[layer].slots,
          let contents = take(range[1] * caches[layer].tileBytes)
        else { return nil }
        rings.append(
          RingCheckpoint.Ring(
            layer: layer, window: window, tiles: range[0]..<wanted.upperBound, contents: contents))
      }
      states.append(RingCheckpoint(end: end, rings: rings))
    }
    let sum = checksum.value
    guard numbers(1) == [sum], left == 0,
      states.allSatisfy({ $0.place(atOrBefore: $0.end) == $0.end })
    else { return nil }
    states.first?.restore(caches) { layer, firstTile in oldestTile[layer] = firstTile }
    tokens = ids
    written = ids.count
    hasLogits = false
    // One that says no more than the rings themselves is not needed.
    checkpoints.replace(by: Array(states.dropFirst()))
    return ids.count
  }
}
