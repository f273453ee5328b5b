// libcurl's multi interface on one thread: several transfers, one loop, nothing shared.

import CCurl
import Glibc
import Synchronization

/// One GET, or a POST of JSON.
struct TransferRequest: Sendable {
  let url: HubURL
  /// `start..<end` of the bytes wanted; nil for all.
  var range: Range<Int>?
  /// Goes out as a bearer token, to this address only: redirects are never followed here.
  var token: String?
  var connectTimeout: Double
  /// Seconds for the whole transfer; nil for no limit.
  var timeout: Double?
  /// The JSON to post; the answer may be a stream of events.
  var post: [UInt8]?
}

/// Runs transfers until told to stop. Belongs to the thread that made it, except ``wakeUp()``.
///
/// The callbacks run inside ``step(wait:)`` and must not start or abort transfers; they return what
/// is to happen and the caller acts after the step.
final class TransferLoop {
  /// Called once a transfer, when all headers are here.
  var onHead: (_ id: Int, HTTPHead) -> Void = { _, _ in }
  /// Called with each part of a body; false ends the transfer.
  var onBody: (_ id: Int, UnsafeRawBufferPointer) -> Bool = { _, _ in false }

  private let multi: OpaqueMulti
  private var transfers: [Int: Transfer] = [:]
  /// Handles kept for reuse; libcurl keeps the connections themselves in `multi`.
  private var idle: [UnsafeMutableRawPointer] = []

  init() throws(HubError) {
    guard Self.isReady, let multi = carrel_curl_multi_init() else {
      throw HubError(.network, "libcurl could not be started", subject: "network")
    }
    self.multi = OpaqueMulti(pointer: multi)
    // Pieces of one file on one HTTP/2 connection would gain nothing over a single request.
    carrel_curl_multi_set_long(multi, CURLMOPT_PIPELINING, 0)
  }

  deinit {
    for id in Array(transfers.keys) { abort(id) }
    for handle in idle { carrel_curl_easy_cleanup(handle) }
    carrel_curl_multi_cleanup(multi.pointer)
  }

  private static let isReady =
    HubURL.missingLibrary == nil && carrel_curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// Ends a running or coming ``step(wait:)`` at once; from any thread, while the loop lives.
  var waker: TransferWaker { TransferWaker(multi: multi) }

  func start(_ id: Int, _ request: TransferRequest) throws(HubError) {
    guard let handle = idle.popLast() ?? carrel_curl_easy_init() else {
      throw HubError(.network, "libcurl gave no transfer", subject: request.url.withoutQuery)
    }
    carrel_curl_easy_reset(handle)
    let transfer = Transfer(id: id, handle: handle, loop: self, url: request.url)
    transfer.configure(request)
    guard carrel_curl_multi_add_handle(multi.pointer, handle) == CURLM_OK else {
      throw HubError(.network, "libcurl took no transfer", subject: request.url.withoutQuery)
    }
    transfers[id] = transfer
  }

  /// Drops a transfer; nothing more is heard of it.
  func abort(_ id: Int) {
    guard let transfer = transfers.removeValue(forKey: id) else { return }
    retire(transfer)
  }

  private func retire(_ transfer: Transfer) {
    carrel_curl_multi_remove_handle(multi.pointer, transfer.handle)
    transfer.freeHeaders()
    idle.append(transfer.handle)
  }

  var count: Int { transfers.count }

  /// Waits at most `wait` seconds for something to happen, lets it happen, and returns the transfers
  /// that ended meanwhile, each with what broke it (nil: its body is complete).
  func step(wait: Double) -> [(id: Int, failure: HubError?)] {
    var running: Int32 = 0
    carrel_curl_multi_poll(multi.pointer, Int32(max(wait, 0) * 1000))
    carrel_curl_multi_perform(multi.pointer, &running)
    var ended: [(id: Int, failure: HubError?)] = []
    var result = CURLE_OK
    while let handle = carrel_curl_multi_next_done(multi.pointer, &result) {
      guard let transfer = transfers.values.first(where: { $0.handle == handle }) else { continue }
      transfers[transfer.id] = nil
      transfer.deliverHead()
      ended.append((transfer.id, transfer.failure(result)))
      retire(transfer)
    }
    return ended
  }
}

/// The multi handle, which libcurl lets other threads use for nothing but waking.
struct OpaqueMulti: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer
}

struct TransferWaker: Sendable {
  let multi: OpaqueMulti
  /// Must not be called after the loop is gone; ``DownloadControl`` sees to that.
  func wake() { carrel_curl_multi_wakeup(multi.pointer) }
}

/// One transfer's handle, and what its callbacks need.
private final class Transfer {
  let id: Int
  let handle: UnsafeMutableRawPointer
  private let url: HubURL
  private unowned let loop: TransferLoop
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private var head: HTTPHead?
  private var isHeadDelivered = false
  private var headerBytes = 0

  init(id: Int, handle: UnsafeMutableRawPointer, loop: TransferLoop, url: HubURL) {
    self.id = id
    self.handle = handle
    self.loop = loop
    self.url = url
  }

  func configure(_ request: TransferRequest) {
    carrel_curl_set_string(handle, CURLOPT_URL, request.url.text)
    carrel_curl_http_only(handle)
    carrel_curl_quick_exit(handle)
    carrel_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
    carrel_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    carrel_curl_set_long(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
    carrel_curl_set_long(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    carrel_curl_set_long(handle, CURLOPT_HEADEROPT, 1)  // CURLHEADER_SEPARATE: none for a proxy
    carrel_curl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
    carrel_curl_set_long(handle, CURLOPT_BUFFERSIZE, 256 << 10)
    carrel_curl_set_long(
      handle, CURLOPT_CONNECTTIMEOUT_MS, Int(request.connectTimeout * 1000))
    if let timeout = request.timeout {
      carrel_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Int(timeout * 1000))
    }
    carrel_curl_set_string(handle, CURLOPT_USERAGENT, "carrel")
    if let range = request.range {
      carrel_curl_set_string(
        handle, CURLOPT_RANGE, "\(range.lowerBound)-\(range.upperBound - 1)")
    }
    headerList = carrel_curl_slist_append(headerList, "Accept-Encoding: identity")
    if let post = request.post {
      // What is said to a server on this machine stays here, whatever proxy the environment names.
      if request.url.isLoopback { carrel_curl_set_string(handle, CURLOPT_NOPROXY, "*") }
      carrel_curl_post(handle, post, post.count)
      headerList = carrel_curl_slist_append(headerList, "Content-Type: application/json")
      headerList = carrel_curl_slist_append(headerList, "Accept: text/event-stream")
      headerList = carrel_curl_slist_append(headerList, "Expect:")
    }
    if let token = request.token {
      headerList = carrel_curl_slist_append(headerList, "Authorization: Bearer \(token)")
    }
    carrel_curl_set_headers(handle, headerList)
    let me = Unmanaged.passUnretained(self).toOpaque()
    carrel_curl_set_pointer(handle, CURLOPT_HEADERDATA, me)
    carrel_curl_set_pointer(handle, CURLOPT_WRITEDATA, me)
    carrel_curl_set_callback(handle, CURLOPT_HEADERFUNCTION) { bytes, _, count, me in
      guard let bytes, let me else { return 0 }
      return Unmanaged<Transfer>.fromOpaque(me).takeUnretainedValue()
        .header(UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
    }
    carrel_curl_set_callback(handle, CURLOPT_WRITEFUNCTION) { bytes, _, count, me in
      guard let bytes, let me else { return 0 }
      let transfer = Unmanaged<Transfer>.fromOpaque(me).takeUnretainedValue()
      transfer.deliverHead()
      let goesOn = transfer.loop.onBody(
        transfer.id, UnsafeRawBufferPointer(start: bytes, count: count))
      return goesOn ? count : 0
    }
  }

  func freeHeaders() {
    carrel_curl_slist_free_all(headerList)
    headerList = nil
  }

  /// One header line with its line end. A status line starts a new head: 1xx answers come before.
  private func header(_ bytes: UnsafeRawBufferPointer) -> Bool {
    headerBytes += bytes.count
    guard headerBytes <= 1 << 18 else { return false }
    let line = HTTPHead.trimmed(String(decoding: bytes, as: UTF8.self))
    if line.hasPrefix("HTTP/"), !isHeadDelivered {
      head = HTTPHead(statusLine: line)
    } else {
      head?.add(line: line)
    }
    return true
  }

  func deliverHead() {
    guard !isHeadDelivered, let head else { return }
    isHeadDelivered = true
    loop.onHead(id, head)
  }

  func failure(_ result: CURLcode) -> HubError? {
    if result == CURLE_OK { return head == nil ? error(.badAnswer, "sent no HTTP answer") : nil }
    let words =
      carrel_curl_easy_strerror(result).map { String(cString: $0) } ?? "error \(result.rawValue)"
    switch result {
    case CURLE_COULDNT_RESOLVE_HOST:
      return error(.network, "the name \(url.host) cannot be looked up; is there a network?")
    case CURLE_COULDNT_CONNECT:
      return error(.network, "no connection to \(url.host):\(url.port)")
    case CURLE_OPERATION_TIMEDOUT:
      return error(.network, "\(url.host) did not answer in time")
    case CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_GOT_NOTHING:
      return error(.network, "the connection broke (\(words))")
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
      return error(.network, "\(url.host):\(url.port) does not answer in HTTP")
    case CURLE_PEER_FAILED_VERIFICATION:
      return error(.network, "the certificate of \(url.host) is not valid (\(words))")
    default: return error(.network, words)
    }
  }

  private func error(_ code: HubError.Code, _ message: String) -> HubError {
    HubError(code, message, subject: url.withoutQuery)
  }
}
