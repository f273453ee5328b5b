/// A model that cannot be used, or a request it cannot meet.
package struct InferenceError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    /// An architecture this package has no plan for.
    case unknownArchitecture
    /// A metadata key that is missing or has a value that cannot be.
    case badMetadata
    /// A weight that is missing.
    case missingTensor
    /// A weight of another shape or type than the network calls for.
    case wrongTensor
    /// A weight the network would leave unused, so that its results would be wrong.
    case unusedTensor
    /// The file's tokenizer is missing or of a kind this package lacks.
    case badTokenizer
    /// More tokens than the context holds.
    case contextExceeded
    /// A token id outside the vocabulary.
    case badToken
    /// The system gave no memory.
    case outOfMemory
    /// A file of a model folder that cannot be read.
    case badFile
  }

  package let code: Code
  /// What was expected and what was found, without the path.
  package let message: String
  /// The tensor, key or file concerned.
  package let subject: String?
  /// The model file or folder, when one is concerned.
  package let path: String?

  package init(_ code: Code, _ message: String, subject: String? = nil, path: String? = nil) {
    self.code = code
    self.message = message
    self.subject = subject
    self.path = path
  }

  package var description: String {
    [path, subject, message].compactMap { $0 }.joined(separator: ": ")
  }
}
