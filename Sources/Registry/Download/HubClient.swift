// Small questions to the Hub: which commit a name stands for, and which files that commit has.

import FoundationEssentials
import Glibc

/// Blocks the calling thread; ``Downloader`` calls it on one of its own.
struct HubClient {
  let settings: HubSettings
  let control: DownloadControl

  /// Bytes of one JSON answer; the tree of the largest repositories comes in pages far below this.
  private static let largestAnswer = 32 << 20
  private static let mostPages = 1000
  private static let attempts = 3

  /// The commit `reference` stands for now. A commit stands for itself, without a question.
  func commit(of reference: HubReference) throws -> String {
    if reference.isCommit { return reference.revision }
    struct Revision: Decodable { let sha: String }
    let answer = try get(
      "\(settings.endpoint.text)/api/models/\(reference.repository)/revision/"
        + HubURL.quoted(reference.revision),
      repository: reference.repository, subject: reference.description)
    guard let revision = try? JSONDecoder().decode(Revision.self, from: answer.body),
      HubReference.isHex(revision.sha, digits: 40)
    else {
      throw HubError(
        .badAnswer, "expected the commit of \(reference.revision) from the Hub, found other words",
        subject: reference.repository)
    }
    return revision.sha
  }

  /// All files of a commit, from all pages of its tree.
  func files(repository: String, commit: String) throws -> [HubFile] {
    var address =
      "\(settings.endpoint.text)/api/models/\(repository)/tree/\(commit)?recursive=true&expand=false"
    var files: [HubFile] = []
    for _ in 0..<Self.mostPages {
      let answer = try get(address, repository: repository, subject: "\(repository)@\(commit)")
      files += try Self.parseTree(answer.body, repository: repository)
      guard let link = answer.head.nextLink else { return files }
      guard let next = answer.url.following(link), next.hasSameOrigin(as: settings.endpoint) else {
        throw HubError(
          .badAnswer, "the list of files goes on at an address that is not the Hub's",
          subject: repository)
      }
      address = next.text
    }
    throw HubError(
      .badAnswer, "its list of files has more than \(Self.mostPages) pages", subject: repository)
  }

  /// One page of a tree. Folders are skipped; a path that leaves the repository or a hash that is
  /// none makes the whole answer worthless.
  static func parseTree(_ body: Data, repository: String) throws(HubError) -> [HubFile] {
    struct Entry: Decodable {
      struct Large: Decodable {
        let oid: String
        let size: Int
      }
      let type: String
      let path: String
      let size: Int?
      let oid: String?
      let lfs: Large?
    }
    guard let entries = try? JSONDecoder().decode([Entry].self, from: body) else {
      throw HubError(
        .badAnswer, "expected a list of files from the Hub, found other words", subject: repository)
    }
    var files: [HubFile] = []
    for entry in entries where entry.type == "file" {
      let file: HubFile?
      if let large = entry.lfs {
        let digits = large.oid.hasPrefix("sha256:") ? String(large.oid.dropFirst(7)) : large.oid
        file = HubFile(path: entry.path, size: large.size, hash: .sha256(digits))
      } else {
        file = HubFile(
          path: entry.path, size: entry.size ?? -1, hash: .gitBlob(entry.oid ?? ""))
      }
      guard let file else {
        throw HubError(
          .badAnswer, "the list of files has an entry that cannot be trusted: \(entry.path)",
          subject: repository)
      }
      files.append(file)
    }
    return files
  }

  // MARK: one question

  struct Answer {
    let url: HubURL
    let head: HTTPHead
    let body: Data
  }

  /// GETs `address`, following redirects on the way; outages are tried again, refusals are not.
  private func get(_ address: String, repository: String, subject: String) throws -> Answer {
    guard let url = HubURL(address) else {
      throw HubError(.invalidReference, "makes no address: \(address)", subject: subject)
    }
    var attempt = 1
    while true {
      do {
        return try ask(url, repository: repository, subject: subject)
      } catch {
        guard error.isOutage, attempt < Self.attempts else { throw error }
        var pause = settings.limits.retryPause * Double(attempt)
        if case .rateLimited(let seconds) = error.code {
          guard seconds <= 30 else { throw error }
          pause = max(pause, seconds)
        }
        try control.sleep(pause)
        attempt += 1
      }
    }
  }

  private func ask(
    _ start: HubURL, repository: String, subject: String
  ) throws(HubError) -> Answer {
    var url = start
    for _ in 0..<8 {
      let (head, body) = try fetch(url)
      switch head.status {
      case 200: return Answer(url: url, head: head, body: body)
      case 301, 302, 303, 307, 308:
        guard let next = head["location"].flatMap(url.following), settings.allows(next) else {
          throw HubError(
            .badAnswer, "redirected (\(head.status)) to no usable address", subject: subject)
        }
        url = next
      default:
        throw HubError(
          answer: head, body: String(decoding: body.prefix(400), as: UTF8.self), subject: subject,
          repository: repository, endpoint: settings.endpoint.text, hasToken: settings.token != nil)
      }
    }
    throw HubError(.badAnswer, "redirected more than 8 times", subject: subject)
  }

  private func fetch(_ url: HubURL) throws(HubError) -> (HTTPHead, Data) {
    let loop = try TransferLoop()
    var head: HTTPHead?
    var body = Data()
    loop.onHead = { head = $1 }
    loop.onBody = { _, bytes in
      guard body.count + bytes.count <= Self.largestAnswer else { return false }
      body.append(contentsOf: bytes)
      return true
    }
    try loop.start(
      0,
      TransferRequest(
        url: url, token: settings.isAuthorized(url) ? settings.token : nil,
        connectTimeout: settings.answerTimeout, timeout: settings.answerTimeout * 3))
    while true {
      try control.checkCancelled()
      guard let end = loop.step(wait: 0.1).first else { continue }
      if let failure = end.failure { throw failure }
      guard let head else {
        throw HubError(.badAnswer, "sent no HTTP answer", subject: url.withoutQuery)
      }
      return (head, body)
    }
  }
}
