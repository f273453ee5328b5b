@_spi(_Unicode) import Swift

/// Unicode's Normalization Form C (UAX #15), which some vocabularies expect: Qwen, Command R and
/// those after GPT-NeoX. The tables are the standard library's own, the ones `String` compares with.
enum CanonicalComposition {
  /// The composed form, or nil when the text is composed as it stands.
  ///
  /// Text that is not UTF-8 has no such form and is left alone, so that no byte is lost.
  static func compose(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard mayDiffer(text), let string = String(validating: text, as: UTF8.self) else { return nil }
    var composed: [UInt8] = []
    composed.reserveCapacity(text.count)
    for scalar in string._nfc { composed.append(contentsOf: UTF8.encode(scalar)!) }
    return composed.elementsEqual(text) ? nil : composed
  }

  /// Everything below U+0300, the first combining mark, is composed: lead bytes below 0xCC.
  private static func mayDiffer(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    text.contains { $0 >= 0xCC }
  }
}
