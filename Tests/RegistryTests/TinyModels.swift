// The smallest files that are models: what discovery needs, written by hand.

import Storage

enum TinyModels {
  private static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private static func string(_ text: String) -> [UInt8] {
    little(UInt64(text.utf8.count)) + Array(text.utf8)
  }

  /// A GGUF file with the given text and 32-bit values and one F32 tensor of `count` zeros.
  static func gguf(
    _ texts: [String: String] = ["general.architecture": "llama"],
    _ numbers: [String: UInt32] = [:],
    type: UInt32 = 0, count: Int = 8
  ) -> [UInt8] {
    var bytes = Array("GGUF".utf8) + little(UInt32(3)) + little(UInt64(1))
    bytes += little(UInt64(texts.count + numbers.count))
    for (key, value) in texts.sorted(by: <) {
      bytes += string(key) + little(UInt32(8)) + string(value)
    }
    for (key, value) in numbers.sorted(by: <) {
      bytes += string(key) + little(UInt32(4)) + little(value)
    }
    bytes += string("token_embd.weight") + little(UInt32(1)) + little(UInt64(count))
    bytes += little(type) + little(UInt64(0))
    while bytes.count % 32 != 0 { bytes.append(0) }
    return bytes + [UInt8](repeating: 0, count: count * 4)
  }

  /// A llama that says of itself what the real ones say.
  static func llama(count: Int = 8) -> [UInt8] {
    gguf(
      [
        "general.architecture": "llama", "general.name": "Tiny",
        "tokenizer.chat_template": "{{ messages }}",
      ],
      [
        "llama.context_length": 4096, "llama.block_count": 2, "llama.embedding_length": 64,
        "llama.attention.head_count": 4, "llama.attention.head_count_kv": 2,
        "general.file_type": 15,
      ], count: count)
  }

  static func safetensors(_ name: String = "w", count: Int = 2) -> [UInt8] {
    var header = Array(
      #"{"\#(name)":{"dtype":"F32","shape":[\#(count)],"data_offsets":[0,\#(count * 4)]}}"#.utf8)
    while header.count % 8 != 0 { header.append(0x20) }
    return little(UInt64(header.count)) + header + [UInt8](repeating: 0, count: count * 4)
  }

  static let bertConfiguration = #"{"model_type":"bert","max_position_embeddings":512}"#

  static func digest(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { SHA256.hexDigest($0) } }
}
