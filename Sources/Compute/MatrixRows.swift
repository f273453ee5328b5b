import CKernels
import Storage
import Tensors

/// Single rows of a large matrix of which few are wanted at a time, such as an embedding table.
///
/// Where the matrix lies in a mapped file, rows are read from the file instead: each row that is looked at
/// in a mapping leaves sixteen pages in the process's memory.
package struct MatrixRows: Sendable {
  package let weights: WeightMatrix
  /// nil: rows are looked at where they lie.
  private let reader: FileReader?
  /// Where the matrix begins in its file.
  private let start: Int

  /// - Parameter isRead: read rows from the file, where the matrix lies in one.
  package init(_ weights: WeightMatrix, isRead: Bool) {
    self.weights = weights
    let file = isRead ? weights.file : nil
    reader = file.flatMap { FileReader($0) }
    start = file?.bytes.baseAddress.map { weights.pointer - $0 } ?? 0
  }

  /// Which bytes of a file's mapping need not be in memory, because rows are read; nil where they are not.
  package var unmapped: (file: MappedFile, range: Range<Int>)? {
    guard reader != nil, let file = weights.file else { return nil }
    return (file, start..<start + weights.byteCount)
  }

  /// Has the system read the whole matrix into its cache, where rows are read from a file.
  package func prefetch() { reader?.prefetch(start..<start + weights.byteCount) }

  /// The bytes of some rows: read into `memory`, which has room for them, or as they lie in the mapping.
  func bytes(_ rows: Range<Int>, _ memory: UnsafeMutableRawPointer) -> UnsafeRawPointer {
    let place = rows.lowerBound * weights.rowBytes
    let buffer = UnsafeMutableRawBufferPointer(
      start: memory, count: rows.count * weights.rowBytes)
    // What cannot be read there is left to the mapping, whose faults are told of (SIGBUS).
    if let reader, reader.read(into: buffer, at: start + place) { return UnsafeRawPointer(memory) }
    return weights.pointer + place
  }
}

extension Engine {
  /// The floats of one row.
  package func dequantizeRow(
    _ rows: MatrixRows, row: Int, into out: UnsafeMutablePointer<Float>
  ) {
    let w = rows.weights
    precondition(row >= 0 && row < w.rows)
    withUnsafeTemporaryAllocation(byteCount: w.rowBytes, alignment: 64) { memory in
      table.functions.pointee.dequantize_row(
        Int32(w.type.rawValue), rows.bytes(row..<row + 1, memory.baseAddress!), w.columns, out)
    }
  }

  /// Products of some rows with one token: out[i] = w[ids[i]] · x[token], the same bits as `multiply`
  /// gives all rows.
  package func multiply(
    _ ids: [Int32], of rows: MatrixRows, _ x: PreparedInput, token: Int,
    into out: UnsafeMutablePointer<Float>
  ) {
    let w = rows.weights
    precondition(w.experts == 1 && w.columns == x.columns && token >= 0 && token < x.tokens)
    // The kernels take rows sixteen at a time: what is missing is filled up.
    let perChunk = 16
    let rowBytes = w.rowBytes
    let bytes = (perChunk * rowBytes + 63) / 64 * 64
    let work = BoundProduct.scratchBytes(columns: w.columns)
    pool.run(chunks: (ids.count + perChunk - 1) / perChunk) { chunk, thread in
      let memory = scratch[thread].pointer(bytes: bytes + work)
      let places = chunk * perChunk..<min(ids.count, (chunk + 1) * perChunk)
      var slot = 0
      while slot < perChunk {
        let row = memory + slot * rowBytes
        var (bytes, count) = (UnsafeRawPointer(row - rowBytes), 1)
        if slot < places.count {
          // Rows that lie together are read together.
          let id = ids[places.lowerBound + slot]
          while slot + count < places.count,
            ids[places.lowerBound + slot + count] == id + Int32(count)
          { count += 1 }
          bytes = rows.bytes(Int(id)..<Int(id) + count, row)
        }
        if bytes != UnsafeRawPointer(row) {
          row.copyMemory(from: bytes, byteCount: count * rowBytes)
        }
        slot += count
      }
      let some = WeightMatrix(
        pointer: memory, rows: perChunk, columns: w.columns, type: w.type, owner: self)
      withUnsafeTemporaryAllocation(of: Float.self, capacity: perChunk) { products in
        BoundProduct(
          MatrixProduct(some, x, tokens: token..<token + 1, into: products.baseAddress!),
          engine: self
        ).run(0..<perChunk, scratch: memory + bytes)
        (out + places.lowerBound).update(from: products.baseAddress!, count: places.count)
      }
    }
  }

  /// Products of all rows, [token][rows]: the same bits as of a matrix that lies in memory.
  package func multiply(
    _ rows: MatrixRows, _ x: PreparedInput, into out: UnsafeMutablePointer<Float>
  ) {
    let w = rows.weights
    precondition(w.experts == 1 && w.columns == x.columns)
    let perChunk = max(32, 65_536 / max(1, w.rowBytes) / 32 * 32)
    let bytes = (perChunk * w.rowBytes + 63) / 64 * 64
    let work = BoundProduct.scratchBytes(columns: w.columns)
    pool.run(chunks: (w.rows + perChunk - 1) / perChunk) { chunk, thread in
      let part = chunk * perChunk..<min(w.rows, (chunk + 1) * perChunk)
      let memory = scratch[thread].pointer(bytes: bytes + work)
      let some = WeightMatrix(
        pointer: rows.bytes(part, memory), rows: part.count, columns: w.columns, type: w.type,
        owner: self)
      BoundProduct(
        MatrixProduct(some, x, into: out + part.lowerBound, stride: w.rows), engine: self
      ).run(0..<part.count, scratch: memory + bytes)
    }
  }
}
