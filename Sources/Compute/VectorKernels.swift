import CKernels

/// The float kernels around the matrix products, for one instruction set.
///
/// All tables give the same bits (ck_vector.h says how), so which one runs never changes a result;
/// tests force each and compare.
package struct VectorKernels: @unchecked Sendable {
  package enum InstructionSet: Sendable, CaseIterable {
    case reference, avx2, avx512, neon
  }

  package let set: InstructionSet
  @usableFromInline let table: ck_vector_kernels

  /// `nil` when this processor lacks the instruction set.
  package init?(_ set: InstructionSet) {
    let isa: ck_isa =
      switch set {
      case .reference: ck_isa_ref
      case .avx2: ck_isa_avx2
      case .avx512: ck_isa_avx512
      case .neon: ck_isa_neon
      }
    guard let table = ck_vector_kernels_for(isa) else { return nil }
    self.set = set
    self.table = table.pointee
  }

  private init(reference: Void) {
    set = .reference
    table = ck_vector_kernels_for(ck_isa_ref).pointee
  }

  /// The widest this processor has.
  package static let best: VectorKernels =
    VectorKernels(.avx512) ?? VectorKernels(.avx2) ?? VectorKernels(.neon)
    ?? VectorKernels(reference: ())
}

extension VectorKernels {
  package typealias Floats = UnsafeMutablePointer<Float>
  package typealias ConstFloats = UnsafePointer<Float>

  /// out = x · weight / sqrt(mean(x²) + epsilon); `out` may be `x`.
  package func rmsNorm(
    _ x: ConstFloats, weight: ConstFloats, into out: Floats, count: Int, epsilon: Float
  ) {
    table.rms_norm(x, weight, out, count, epsilon)
  }

  /// out = (x − mean) / sqrt(variance + epsilon) · weight + bias; `out` may be `x`.
  package func layerNorm(
    _ x: ConstFloats, weight: ConstFloats, bias: ConstFloats, into out: Floats, count: Int,
    epsilon: Float
  ) {
    table.layer_norm(x, weight, bias, out, count, epsilon)
  }

  /// out += x
  package func add(_ x: ConstFloats, to out: Floats, count: Int) {
    table.add(x, out, count)
  }

  /// out += factor · x
  package func add(_ x: ConstFloats, times factor: Float, to out: Floats, count: Int) {
    table.add_scaled(x, factor, out, count)
  }

  /// x *= factor
  package func scale(_ x: Floats, by factor: Float, count: Int) {
    table.scale(factor, x, count)
  }

  /// gate = activation(gate) · up
  package func gate(_ activation: Activation, _ gate: Floats, up: ConstFloats, count: Int) {
    switch activation {
    case .silu: table.silu_multiply(gate, up, count)
    case .geluTanh: table.gelu_tanh_multiply(gate, up, count)
    case .clampedSwiGLU(let alpha, let limit):
      table.clamped_swiglu(gate, up, nil, nil, count, alpha, limit)
    }
  }

  /// The same after adding a bias to each side; either may be `nil`.
  package func gate(
    _ activation: Activation, _ gate: Floats, up: Floats, count: Int, gateBias: ConstFloats?,
    upBias: ConstFloats?
  ) {
    if case .clampedSwiGLU(let alpha, let limit) = activation {
      table.clamped_swiglu(gate, up, gateBias, upBias, count, alpha, limit)
      return
    }
    if let gateBias { table.add(gateBias, gate, count) }
    if let upBias { table.add(upBias, up, count) }
    self.gate(activation, gate, up: up, count: count)
  }

  /// x = gelu(x), erf form.
  package func geluErf(_ x: Floats, count: Int) { table.gelu_erf(x, count) }

  /// x = cap · tanh(x / cap)
  package func softCap(_ x: Floats, count: Int, cap: Float) { table.soft_cap(x, count, cap) }

  /// out = exp(x); `out` may be `x`.
  package func exp(_ x: ConstFloats, into out: Floats, count: Int) { table.exp(x, out, count) }

  /// x = factor · H x for each run of values as long as the largest power of two that divides `count`,
  /// where H is the Hadamard matrix; nothing where `count` is no multiple of 16.
  package func hadamard(_ x: Floats, count: Int, times factor: Float) {
    table.hadamard(x, count, factor)
  }

  /// Σ a · b
  package func dot(_ a: ConstFloats, _ b: ConstFloats, count: Int) -> Float {
    table.dot(a, b, count)
  }

  /// Rotates `pairs` pairs of x in place; cosines and sines are [pairs] each.
  package func rope(
    _ x: Floats, pairing: RotaryPairing, cosines: ConstFloats, sines: ConstFloats, pairs: Int
  ) {
    switch pairing {
    case .neighbours: table.rope_neighbours(x, cosines, sines, pairs)
    case .halves: table.rope_halves(x, cosines, sines, pairs)
    }
  }
}

/// What joins the gate and up projections of a feed-forward layer.
package enum Activation: Sendable, Equatable {
  /// silu(gate) · up
  case silu
  /// gelu(gate) · up, tanh form
  case geluTanh
  /// gpt-oss: g = min(gate, limit), u = clamp(up, ±limit): g · sigmoid(alpha · g) · (u + 1)
  case clampedSwiGLU(alpha: Float, limit: Float)
}

/// Which two elements of a head rotate together.
package enum RotaryPairing: Sendable {
  /// (0, 1), (2, 3), …: files whose q and k rows were permuted for it (GGUF "llama").
  case neighbours
  /// (0, n/2), (1, n/2 + 1), …
  case halves
}
