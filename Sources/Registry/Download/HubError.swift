// What can go wrong between this machine and a model hub, as one type.

/// A failure to plan or to fetch.
///
/// `description` is one sentence that names the repository or file and, where it helps, what to do.
package struct HubError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    /// The reference is not `owner/name[:quant][@revision]`, or a setting cannot be understood.
    case invalidReference
    /// `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE` is set and the cache does not hold what is needed.
    case offline
    /// 401: no such repository, or private, or gated and no token was sent.
    case unauthorized
    /// 401: the token itself was refused.
    case badToken
    /// The terms of the repository have not been accepted.
    case gated
    /// 403: the token lacks a permission.
    case forbidden
    case repositoryNotFound, revisionNotFound, fileNotFound
    /// The Hub has switched the repository off.
    case disabled
    /// 410: what was asked for is gone for good, or a signed address ran out.
    case gone
    /// 429, with the seconds the server asked to wait.
    case rateLimited(seconds: Double)
    /// 5xx, or a status that has no business there.
    case server(status: Int)
    /// No connection, a broken one, or one without a valid certificate.
    case network
    /// The server went silent or slower than the limit.
    case stalled
    /// The server offers another file than the one the plan names.
    case changedRemote
    /// All bytes came, and they are not the file: wrong SHA-256.
    case corrupted
    /// The answer is not what the protocol says: a redirect to nowhere, a range nobody asked for.
    case badAnswer
    /// The repository has no file that fits the reference, or more than one.
    case noSuchChoice
    /// The disk has too little room for what is to come.
    case diskSpace
    /// The cache folder cannot be written, or the disk filled up.
    case storage
    /// Another process is fetching the file and the caller did not want to wait.
    case locked
    case cancelled
  }

  package let code: Code
  /// What was expected and found, without the subject.
  package let message: String
  /// The repository, file or setting concerned.
  package let subject: String

  package init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  package var description: String { "\(subject): \(message)" }

  /// True when nothing was wrong with the request: the network or the server was not there. A plan
  /// then falls back to what the cache holds, and a retry may help.
  package var isOutage: Bool {
    switch code {
    case .network, .stalled, .server, .rateLimited: true
    default: false
    }
  }

  /// True when the answer is exit code 4: offline, or not to be had without a network.
  package var meansOffline: Bool { code == .offline || code == .network }
}
