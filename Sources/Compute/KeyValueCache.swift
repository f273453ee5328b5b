import CKernels

/// How keys and values are kept.
package enum CacheElement: Sendable {
  case f16
  /// For the exact kernel table: nothing is rounded.
  case f32

  package var bytes: Int { self == .f16 ? 2 : 4 }
}

/// Keys and values of one layer.
///
/// Memory, for each key/value head: keys [tile][keySize][64], then values [tile][64][valueStride].
/// Sixty-four positions make a tile; lanes of a key tile are positions, so scores need no horizontal
/// sums. Tile t lies in slot t mod `slots`: a layer with a window keeps a ring, the others have a
/// slot for every tile. Pages are taken from the system when first written.
package final class KeyValueCache: @unchecked Sendable {
  package static let tile = Int(CK_TILE)

  package let heads: Int
  package let keySize: Int
  package let valueSize: Int
  package let valueStride: Int
  package let slots: Int
  package let element: CacheElement

  private let pages: PageMemory
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
    keyBytes = slots * Self.tile * keySize * element.bytes
    headBytes = keyBytes + slots * Self.tile * valueStride * element.bytes
    let byteCount = Self.byteCount(
      heads: heads, keySize: keySize, valueSize: valueSize, positions: positions, element: element)
    guard let pages = PageMemory(byteCount: byteCount) else { return nil }
    self.pages = pages
  }

  private var memory: UnsafeMutableRawPointer { pages.pointer }

  private static func stride(_ size: Int) -> Int { (size + 15) / 16 * 16 }
  private static func slots(positions: Int) -> Int { max(1, (positions + tile - 1) / tile) }

  /// Bytes such a cache takes once every position has been written.
  package static func byteCount(
    heads: Int, keySize: Int, valueSize: Int, positions: Int, element: CacheElement
  ) -> Int {
    heads * slots(positions: positions) * tile * (keySize + stride(valueSize)) * element.bytes
  }

  /// Keeps one head's key [keySize] and value [valueSize] at a position.
  package func store(
    head: Int, position: Int, key: UnsafePointer<Float>, value: UnsafePointer<Float>,
    kernels: VectorKernels
  ) {
    let slot = position / Self.tile % slots
    let lane = position % Self.tile
    let base = memory + head * headBytes
    let keys = base + slot * Self.tile * keySize * element.bytes
    let values = base + keyBytes + (slot * Self.tile + lane) * valueStride * element.bytes
    switch element {
    case .f16:
      let k = keys.assumingMemoryBound(to: UInt16.self) + lane
      kernels.table.store_f16(key, k, keySize, Self.tile)
      kernels.table.store_f16(value, values.assumingMemoryBound(to: UInt16.self), valueSize, 1)
    case .f32:
      let k = keys.assumingMemoryBound(to: Float.self) + lane
      for d in 0..<keySize { k[d * Self.tile] = key[d] }
      values.assumingMemoryBound(to: Float.self).update(from: value, count: valueSize)
    }
  }

  func head(_ head: Int, scale: Float) -> ck_cache_head {
    let base = memory + head * headBytes
    return ck_cache_head(
      keys: base, values: base + keyBytes, slots: Int32(slots),
      type: Int32((element == .f16 ? ck_cache_f16 : ck_cache_f32).rawValue),
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
  package var tileBytes: Int { heads * Self.tile * (keySize + valueStride) * element.bytes }

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
    let keyTile = Self.tile * keySize * element.bytes
    let valueTile = Self.tile * valueStride * element.bytes
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

extension KeyValueCache {
  /// The largest head the attention kernels take.
  package static let largestHead = Int(CK_HEAD_MAX)
}
