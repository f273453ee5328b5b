import Compute
import Tensors

/// A row of float weights: a norm, a bias, sinks.
struct FloatVector: @unchecked Sendable {
  let pointer: UnsafePointer<Float>
  let count: Int
  /// Keeps the floats alive: the mapping, or memory of our own.
  private let owner: any AnyObject & Sendable

  init(_ tensor: Tensor) throws(ComputeError) {
    count = tensor.elementCount
    if tensor.type == .f32, let base = tensor.bytes.baseAddress,
      Int(bitPattern: base) % MemoryLayout<Float>.alignment == 0
    {
      pointer = base.assumingMemoryBound(to: Float.self)
      owner = tensor.file
      return
    }
    let weights = try WeightMatrix(tensor)
    let buffer = FloatBuffer(count: count)
    let engine = Engine(pool: WorkerPool(threads: 1), kernels: .exact)
    for row in 0..<tensor.rows {
      engine.dequantizeRow(weights, row: row, into: buffer.pointer + row * tensor.columns)
    }
    pointer = UnsafePointer(buffer.pointer)
    owner = buffer
  }

  init(_ buffer: FloatBuffer) {
    pointer = UnsafePointer(buffer.pointer)
    count = buffer.count
    owner = buffer
  }
}

/// Hands out weights by name, each checked against the shape the network calls for, and remembers
/// which were taken.
struct WeightBinder {
  let source: any TensorSource
  let path: String
  private(set) var taken: Set<String> = []
  private(set) var byteCount = 0

  init(source: any TensorSource, path: String) {
    self.source = source
    self.path = path
  }

  /// A matrix [rows, columns], or a stack of them.
  mutating func matrix(_ name: String, _ shape: Int...) throws(InferenceError) -> WeightMatrix {
    guard let weights = try optionalMatrix(name, shape) else { throw missing(name, shape) }
    return weights
  }

  mutating func optionalMatrix(_ name: String, _ shape: [Int]) throws(InferenceError)
    -> WeightMatrix?
  {
    guard let tensor = try take(name, shape) else { return nil }
    do throws(ComputeError) {
      return try WeightMatrix(tensor)
    } catch {
      throw InferenceError(.wrongTensor, error.message, subject: name, path: path)
    }
  }

  /// Floats [count], or [a, b] as one run.
  mutating func vector(_ name: String, _ shape: Int...) throws(InferenceError) -> FloatVector {
    guard let vector = try optionalVector(name, shape) else { throw missing(name, shape) }
    return vector
  }

  mutating func optionalVector(_ name: String, _ shape: Int...) throws(InferenceError)
    -> FloatVector?
  {
    try optionalVector(name, shape)
  }

  /// A vector that only some families cannot lack.
  mutating func vector(_ name: String, required: Bool, _ shape: Int...) throws(InferenceError)
    -> FloatVector?
  {
    let vector = try optionalVector(name, shape)
    if vector == nil, required { throw missing(name, shape) }
    return vector
  }

  private mutating func optionalVector(_ name: String, _ shape: [Int]) throws(InferenceError)
    -> FloatVector?
  {
    guard let tensor = try take(name, shape) else { return nil }
    do throws(ComputeError) {
      return try FloatVector(tensor)
    } catch {
      throw InferenceError(.wrongTensor, error.message, subject: name, path: path)
    }
  }

  /// MXFP4 matrices whose blocks and scales lie apart (`name_blocks`, `name_scales`).
  mutating func mxfp4(_ name: String, _ experts: Int, _ rows: Int, _ columns: Int)
    throws(InferenceError) -> SplitMXFP4
  {
    func bytes(_ name: String, _ shape: [Int]) throws(InferenceError) -> Tensor {
      guard let tensor = try take(name, shape) else { throw missing(name, shape) }
      guard tensor.type == .u8 else {
        throw InferenceError(
          .wrongTensor, "expected bytes, found \(tensor.type.name)", subject: name, path: path)
      }
      return tensor
    }
    guard columns % 32 == 0 else {
      throw InferenceError(
        .badMetadata, "MXFP4 rows are multiples of 32, found \(columns)", subject: name, path: path)
    }
    return SplitMXFP4(
      experts: experts, rows: rows, columns: columns,
      blocks: try bytes(name + "_blocks", [experts, rows, columns / 32, 16]),
      scales: try bytes(name + "_scales", [experts, rows, columns / 32]))
  }

  private mutating func take(_ name: String, _ shape: [Int]) throws(InferenceError) -> Tensor? {
    guard let tensor = source.tensor(named: name) else { return nil }
    guard tensor.shape == shape else {
      throw InferenceError(
        .wrongTensor, "expected \(shape), found \(tensor.shape)", subject: name, path: path)
    }
    taken.insert(name)
    byteCount += tensor.rows * tensor.rowBytes
    return tensor
  }

  private func missing(_ name: String, _ shape: [Int]) -> InferenceError {
    InferenceError(
      .missingTensor, "expected a weight \(shape), found none", subject: name, path: path)
  }

  /// Fails if a weight of the file was left over: the network would be another than its author's.
  func checkAllTaken(except ignored: (String) -> Bool) throws(InferenceError) {
    for name in source.tensorNames where !taken.contains(name) && !ignored(name) {
      throw InferenceError(
        .unusedTensor,
        "this weight has no place in the network as the metadata describes it; the file may be of a "
          + "newer model", subject: name, path: path)
    }
  }
}
