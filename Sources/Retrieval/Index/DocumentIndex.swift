/// The index of a folder: one SQLite database with the text, the words and the vectors.
package final class DocumentIndex: Sendable {
  /// The folder that holds `carrel.sqlite`.
  package let folder: String

  private init(folder: String) { self.folder = folder }

  /// Opens the index in `folder`; makes folder and database where missing unless `readOnly`.
  package static func open(folder: String, readOnly: Bool = false) throws -> DocumentIndex {
    DocumentIndex(folder: folder)
  }

  /// Adds files and folders and brings them up to date. Dropping the stream cancels.
  /// Without an embedder only words are indexed; the vectors come with the next run that has one.
  package func add(_ paths: [String], embedder: (any Embedder)?, options: IndexOptions = .init())
    -> AsyncThrowingStream<IndexEvent, any Error>
  {
    AsyncThrowingStream { $0.finish() }
  }

  /// Brings every root up to date with the disk.
  package func refresh(embedder: (any Embedder)?, options: IndexOptions = .init())
    -> AsyncThrowingStream<IndexEvent, any Error>
  {
    AsyncThrowingStream { $0.finish() }
  }

  /// Forgets everything but the roots and indexes them anew, with any embedder.
  package func rebuild(embedder: (any Embedder)?, options: IndexOptions = .init())
    -> AsyncThrowingStream<IndexEvent, any Error>
  {
    AsyncThrowingStream { $0.finish() }
  }

  /// Removes files, folders or roots from the index. Returns how many files left.
  package func remove(_ paths: [String]) throws -> Int { 0 }

  /// - Parameter checkingDisk: also count stale files (reads folders, no files).
  package func status(checkingDisk: Bool) throws -> IndexStatus {
    throw RetrievalError(.noIndex, "There is no index in \(folder) yet.", subject: folder)
  }

  /// Sentences about what does not agree; empty when everything does.
  package func verify() throws -> [String] { [] }
}
