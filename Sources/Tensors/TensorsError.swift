// Why a weight file was refused, as one type.

import Storage

/// A weight file that cannot be used: what was expected at which byte of which file.
package struct TensorsError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    /// The file could not be read; the message is the system's.
    case storage(StorageError.Code)
    /// It does not begin as a file of this kind does.
    case badMagic
    /// A version, or a byte order, this package does not read.
    case unsupportedVersion
    /// The file ends before what it promises.
    case truncated
    /// A count that cannot be true for a file of this size.
    case badCount
    /// A name, key or string that is empty, too long or not UTF-8.
    case badName
    case duplicateKey
    case duplicateTensor
    /// A metadata value of a kind or content that is not allowed.
    case badValue
    /// `general.alignment` is not a usable alignment.
    case badAlignment
    case badRank
    case badDimension
    case unsupportedType
    /// An offset that is not a multiple of the alignment.
    case misaligned
    case outOfBounds
    /// Two tensors claim the same bytes, or bytes belong to none (safetensors).
    case badLayout
    /// JSON that cannot be read.
    case badJSON
    /// A shard that the index names is missing, or lacks a tensor it should hold.
    case badShard
  }

  package let code: Code
  /// What was expected and what was found, without the path.
  package let message: String
  package let path: String
  /// Where in the file, in bytes from its start.
  package let offset: Int?

  package init(_ code: Code, _ message: String, path: String, offset: Int? = nil) {
    self.code = code
    self.message = message
    self.path = path
    self.offset = offset
  }

  package init(_ error: StorageError) {
    self.init(.storage(error.code), error.message, path: error.path)
  }

  package var description: String {
    offset.map { "\(path): at byte \($0): \(message)" } ?? "\(path): \(message)"
  }
}
