// Names of files that were split because one would be too large.

/// The name of one part of a split file: "stem-00002-of-00003".
package struct PartName: Sendable, Equatable {
  package let stem: String
  /// From 1; of what counts from 0, from 0.
  package let number: Int
  package let count: Int

  /// - Parameters:
  ///   - name: without ".gguf".
  ///   - first: the lowest number. GGUF counts from 1; some safetensors do from 0, and up to the count.
  package init?(_ name: String, from first: Int = 1) {
    let pieces = name.split(separator: "-", omittingEmptySubsequences: false)
    guard pieces.count >= 4, pieces[pieces.count - 2] == "of",
      let number = Self.fiveDigits(pieces[pieces.count - 3]),
      let count = Self.fiveDigits(pieces[pieces.count - 1]), (1...1000).contains(count),
      (first...count).contains(number)
    else { return nil }
    stem = pieces.dropLast(3).joined(separator: "-")
    self.number = number
    self.count = count
  }

  /// The name of another part of the same file.
  package func name(_ number: Int) -> String {
    "\(stem)-\(Self.padded(number))-of-\(Self.padded(count))"
  }

  private static func fiveDigits(_ text: Substring) -> Int? {
    text.utf8.count == 5 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
      ? Int(text) : nil
  }

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }
}
