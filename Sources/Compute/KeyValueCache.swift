import CKernels

/// How keys and values are kept.
package enum CacheElement: String, Sendable {
  /// Each key and each value is 14-bit levels times a scale of its own, rounded once when it is stored. Levels
  /// are multiplied two at a time as integers, queries and the weights of values likewise rounded: what they
  /// add up to is exact, so that no order of keys changes a bit. Where a half keeps 11 bits of each element,
  /// this keeps 13 of the largest.
  case q16
  /// For the exact kernel table: nothing is rounded.
  case f32
  /// Each key and each value is 8-bit levels times a scale of its own, rounded once when it is stored:
  /// what is read later is the same however the tokens were batched. A few channels of keys are many
  /// times as large as the others and would take all levels, so keys and queries are turned first
  /// (`KeyValueCache.turn`): every channel then holds a part of each, and scores stay what they were.
  case q8

  /// Bytes of one element of a key or value.
  package var bytes: Int {
    switch self {
    case .q16: 2
    case .f32: 4
    case .q8: 1
    }
  }

  /// Bytes each key and each value takes besides its elements.
  package var scaleBytes: Int { self == .f32 ? 0 : MemoryLayout<Float>.stride }
}

/// Keys and values of one layer.
///
/// Memory, for each key/value head: keys [tile][keySize][64], then values [tile][64][valueStride]; with
/// q16 keys are [tile][keySize / 2][64][2] (an odd size is rounded up) and values [tile][32][valueStride][2]. With
/// q16 and q8 each tile of keys or values ends with its scales, [64] floats.
/// Sixty-four positions make a tile; lanes of a key tile are positions, so scores need no horizontal
/// sums. Tile t lies in slot t mod `slots`: a layer with a window keeps a ring, the others have a
/// slot for every tile. Pages are taken from the system when first written.
package final class KeyValueCache: @unchecked Sendable {
  package static let tile = Int(CK_TILE)

  package let heads: Int
  package let keySize: Int
  package let valueSize: Int
  package let valueStride: Int
  /// Elements a key takes: an even number where they go in pairs.
  private let keyStride: Int
  package let slots: Int
  package let element: CacheElement

  private let pages: PageMemory
  /// Bytes of a tile of one head's keys, and of its values.
  private let keyTile: Int
  private let valueTile: Int
  private let keyBytes: Int
  private let headBytes: Int

  /// - Parameter positions: how many consecutive positions must be kept at once.
  /// - Returns: `nil` when the system gives no address space.
  package init?(
    heads: Int, keySize: Int, valueSize: Int, positions: Int, element: CacheElement
  ) {
    self.heads = heads
    self.keySize = keySize
    self.valueSize = valueSize
    valueStride = Self.stride(valueSize)
    self.element = element
    slots = Self.slots(positions: positions)
    keyStride = Self.keyStride(keySize, element)
    keyTile = Self.tile * (keyStride * element.bytes + element.scaleBytes)
    valueTile = Self.tile * (valueStride * element.bytes + element.scaleBytes)
    keyBytes = slots * keyTile
    headBytes = slots * (keyTile + valueTile)
    let byteCount = Self.byteCount(
      heads: heads, keySize: keySize, valueSize: valueSize, positions: positions, element: element)
    guard let pages = PageMemory(byteCount: byteCount) else { return nil }
    self.pages = pages
  }

  private var memory: UnsafeMutableRawPointer { pages.pointer }

  private static func stride(_ size: Int) -> Int { (size + 15) / 16 * 16 }
  private static func keyStride(_ size: Int, _ element: CacheElement) -> Int {
    element == .q16 ? (size + 1) / 2 * 2 : size
  }
  private static func slots(positions: Int) -> Int { max(1, (positions + tile - 1) / tile) }

  /// Bytes such a cache takes once every position has been written.
  package static func byteCount(
    heads: Int, keySize: Int, valueSize: Int, positions: Int, element: CacheElement
  ) -> Int {
    heads * slots(positions: positions) * tile
      * ((keyStride(keySize, element) + stride(valueSize)) * element.bytes + 2 * element.scaleBytes)
  }

  /// Keeps one head's key [keySize] and value [valueSize] at a position.
  package func store(
    head: Int, position: Int, key: UnsafePointer<Float>, value: UnsafePointer<Float>,
    kernels: VectorKernels
  ) {
    let slot = position / Self.tile % slots
    let lane = position % Self.tile
    let base = memory + head * headBytes
    let keys = base + slot * keyTile
    let valueTile = base + keyBytes + slot * valueTile
    let values = valueTile + lane * valueStride * element.bytes
    switch element {
    case .q16:
      let keyScales = keys + keyStride * Self.tile * 2
      let valueScales = valueTile + valueStride * Self.tile * 2
      let pairs = valueTile.assumingMemoryBound(to: Int16.self) + lane / 2 * 2 * valueStride
      keyScales.assumingMemoryBound(to: Float.self)[lane] =
        kernels.table.store_q16(
          key, keys.assumingMemoryBound(to: Int16.self) + 2 * lane, keySize, 2 * Self.tile, 1)
      valueScales.assumingMemoryBound(to: Float.self)[lane] =
        kernels.table.store_q16(value, pairs + lane % 2, valueSize, 4, 2)
    case .f32:
      let k = keys.assumingMemoryBound(to: Float.self) + lane
      for d in 0..<keySize { k[d * Self.tile] = key[d] }
      values.assumingMemoryBound(to: Float.self).update(from: value, count: valueSize)
    case .q8:
      let k = keys.assumingMemoryBound(to: Int8.self) + lane
      let keyScales = keys + keySize * Self.tile
      let valueScales = valueTile + valueStride * Self.tile
      keyScales.assumingMemoryBound(to: Float.self)[lane] =
        kernels.table.store_q8(key, k, keySize, Self.tile)
      valueScales.assumingMemoryBound(to: Float.self)[lane] =
        kernels.table.store_q8(value, values.assumingMemoryBound(to: Int8.self), valueSize, 1)
    }
  }

  /// Keeps one head's keys and values of positions 0 ..< count in 32-bit floats; those of each position
  /// lie `stride` floats behind the last.
  package func store(
    head: Int, count: Int, keys: UnsafePointer<Float>, values: UnsafePointer<Float>, stride: Int,
    kernels: VectorKernels
  ) {
    precondition(element == .f32 && count <= slots * Self.tile)
    let base = memory + head * headBytes
    for first in Swift.stride(from: 0, to: count, by: Self.tile) {
      let slot = first / Self.tile
      kernels.table.transpose(
        keys + first * stride, stride, min(Self.tile, count - first), keySize,
        (base + slot * keyTile).assumingMemoryBound(to: Float.self), Self.tile)
    }
    let kept = (base + keyBytes).assumingMemoryBound(to: Float.self)
    for position in 0..<count {
      (kept + position * valueStride).update(from: values + position * stride, count: valueSize)
    }
  }

  /// Gets queries and keys ready for this cache, in place: q8 takes them times a Hadamard matrix.
  /// (Ashkboos et al. 2024, "QuaRot", section 4, rotates keys for the same reason.)
  ///
  /// - x: [rows][keySize]. Queries are divided by the matrix's size besides, a power of two, so that
  ///   no product with a key changes but by rounding.
  package func turn(
    _ x: UnsafeMutablePointer<Float>, rows: Int, areQueries: Bool, kernels: VectorKernels
  ) {
    guard element == .q8 else { return }
    let factor = areQueries ? 1 / Float(1 << keySize.trailingZeroBitCount) : 1
    for row in 0..<rows { kernels.table.hadamard(x + row * keySize, keySize, factor) }
  }

  func head(_ head: Int, scale: Float) -> ck_cache_head {
    let base = memory + head * headBytes
    return ck_cache_head(
      keys: base, values: base + keyBytes, slots: Int32(slots),
      type: Int32(element.kernelType.rawValue),
      key_size: Int32(keySize), value_size: Int32(valueSize), value_stride: Int32(valueStride),
      scale: scale)
  }
}

extension KeyValueCache {
  /// Takes every page from the system, as storing at every position would; contents stay.
  package func touch() {
    for place in Swift.stride(from: 0, to: pages.byteCount, by: 4096) {
      // A store that no optimizer leaves out, of what is there.
      let word = (memory + place).assumingMemoryBound(to: UInt32.self)
      ck_atomic_store(word, ck_atomic_load(word))
    }
  }

  /// Bytes of one tile of all heads.
  package var tileBytes: Int { heads * (keyTile + valueTile) }

  /// A copy of some tiles, for `setContents`. They must be among those the slots hold.
  package func contents(of tiles: Range<Int>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: tiles.count * tileBytes) { copy, count in
      forParts(of: tiles) { part, size in
        UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(copy)[count...])
          .copyMemory(from: UnsafeRawBufferPointer(start: part, count: size))
        count += size
      }
    }
  }

  /// Puts back what `contents` gave for the same tiles.
  package func setContents(of tiles: Range<Int>, to copy: [UInt8]) {
    precondition(copy.count == tiles.count * tileBytes)
    copy.withUnsafeBytes { copy in
      var offset = 0
      forParts(of: tiles) { part, size in
        UnsafeMutableRawBufferPointer(start: part, count: size)
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: copy[offset..<offset + size]))
        offset += size
      }
    }
  }

  /// The stretches of memory some tiles lie in, in a fixed order.
  private func forParts(of tiles: Range<Int>, _ body: (UnsafeMutableRawPointer, Int) -> Void) {
    for head in 0..<heads {
      let base = memory + head * headBytes
      for tile in tiles {
        let slot = tile % slots
        body(base + slot * keyTile, keyTile)
        body(base + keyBytes + slot * valueTile, valueTile)
      }
    }
  }
}

extension CacheElement {
  fileprivate var kernelType: ck_cache_type {
    switch self {
    case .q16: ck_cache_q16
    case .f32: ck_cache_f32
    case .q8: ck_cache_q8
    }
  }
}

extension KeyValueCache {
  /// The largest head the attention kernels take.
  package static let largestHead = Int(CK_HEAD_MAX)
}
