/// Why a tokenizer could not be built. Encoding and decoding never fail.
package struct TokenizationError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// A tokenizer model or pre-tokenizer this program does not know.
    case unsupported
    /// Lists of the vocabulary that contradict each other or exceed a limit.
    case inconsistent
    /// A vocabulary file that is not in the form it should be.
    case malformed
  }

  package let code: Code
  /// One sentence: the value found and what was expected.
  package let message: String
  /// The metadata key, list or line that is wrong.
  package let subject: String

  package init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  package var description: String { "\(subject): \(message)" }
}
