// How the numbers of a tensor are stored. A quantized type packs `blockElements` consecutive values
// of one row into `blockBytes` bytes; a row is always a whole number of blocks.

/// The storage of one tensor's elements. Raw values are the type numbers of the GGUF format, except
/// `u8`, which only occurs in safetensors.
package enum ElementType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q3_K = 11
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case iq4_nl = 20
  case iq4_xs = 23
  case i32 = 26
  case i64 = 27
  case bf16 = 30
  case mxfp4 = 39
  case u8 = 1000

  /// Elements in one block: 1 for plain types, 32 or 256 for quantized ones.
  package var blockElements: Int {
    switch self {
    case .f32, .f16, .bf16, .i32, .i64, .u8: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_nl, .mxfp4: 32
    case .q3_K, .q4_K, .q5_K, .q6_K, .iq4_xs: 256
    }
  }

  /// Bytes of one block.
  package var blockBytes: Int {
    switch self {
    case .u8: 1
    case .f16, .bf16: 2
    case .f32, .i32: 4
    case .i64: 8
    case .mxfp4: 17  // E8M0 scale, 32 × 4 bits
    case .q4_0, .iq4_nl: 18  // f16 scale, 32 × 4 bits
    case .q4_1: 20  // f16 scale, f16 minimum, 32 × 4 bits
    case .q5_0: 22  // f16 scale, 32 high bits, 32 × 4 bits
    case .q5_1: 24  // f16 scale, f16 minimum, 32 high bits, 32 × 4 bits
    case .q8_0: 34  // f16 scale, 32 × 8 bits
    case .q3_K: 110  // 256 × 3 bits, 12 bytes of sub-scales, f16 scale
    case .iq4_xs: 136  // f16 scale, 6 bytes of sub-scales, 256 × 4 bits
    case .q4_K: 144  // f16 scale, f16 minimum, 12 bytes of sub-scales, 256 × 4 bits
    case .q5_K: 176  // as q4_K, with 256 high bits
    case .q6_K: 210  // 256 × 6 bits, 16 × 8-bit sub-scales, f16 scale
    }
  }

  /// The alignment its loads need, in bytes: that of the widest field of a block.
  package var alignment: Int {
    switch self {
    case .u8, .mxfp4: 1
    case .i64: 8
    case .f32, .i32: 4
    default: 2
    }
  }

  /// The name people write, such as "Q4_K" or "BF16".
  package var name: String {
    switch self {
    case .q3_K: "Q3_K"
    case .q4_K: "Q4_K"
    case .q5_K: "Q5_K"
    case .q6_K: "Q6_K"
    default: "\(self)".uppercased()
    }
  }

  /// Names of GGUF type numbers this package does not read, for its error message.
  static func unsupportedName(_ number: UInt32) -> String {
    let names: [UInt32: String] = [
      4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 10: "Q2_K", 15: "Q8_K", 16: "IQ2_XXS",
      17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 21: "IQ3_S", 22: "IQ2_S", 24: "I8", 25: "I16",
      28: "F64", 29: "IQ1_M", 31: "Q4_0_4_4", 32: "Q4_0_4_8",
      33: "Q4_0_8_8", 34: "TQ1_0", 35: "TQ2_0", 40: "NVFP4",
    ]
    return names[number].map { "\($0) (\(number))" } ?? "number \(number)"
  }
}
