// What is to be fetched, known to the byte before the first byte is.

import Storage

package struct DownloadPlan: Sendable {
  package struct Item: Sendable, Equatable {
    package let file: HubFile
    /// Bytes on disk already: all of them for a blob, less for a partial file.
    package let onDisk: Int
    package var isCached: Bool { onDisk == file.size && isBlob }
    let isBlob: Bool
  }

  package let reference: HubReference
  package let commit: String
  package let items: [Item]
  let layout: CacheLayout
  /// Why the cache answered instead of the Hub; nil when the Hub did.
  package let notice: String?
  /// A page for people.
  package let page: String

  package init(
    reference: HubReference, commit: String, files: [HubFile], settings: HubSettings,
    notice: String? = nil
  ) {
    let layout = CacheLayout(root: settings.cache, repository: reference.repository)
    self.reference = reference
    self.commit = commit
    self.layout = layout
    self.notice = notice
    page = "\(settings.endpoint.text)/\(reference.repository)/tree/\(commit)"
    items = files.map { file in
      if layout.hasBlob(file) { return Item(file: file, onDisk: file.size, isBlob: true) }
      let held = PartialNote.read(layout.sidecar(file))?.heldBytes(of: file) ?? 0
      return Item(file: file, onDisk: held, isBlob: false)
    }
  }

  package var files: [HubFile] { items.map(\.file) }
  package var totalBytes: Int { sum(items.lazy.map(\.file.size)) }
  package var bytesOnDisk: Int { sum(items.lazy.map(\.onDisk)) }
  package var bytesToFetch: Int { totalBytes - bytesOnDisk }
  /// Nothing is to be fetched.
  package var isComplete: Bool { items.allSatisfy(\.isCached) }
  /// The folder where the files can be seen when the download has finished.
  package var snapshot: String { layout.snapshot(commit) }

  /// Throws unless `free` bytes hold what is to be fetched and `margin` more.
  package func checkSpace(free: Int, margin: Int) throws(HubError) {
    guard bytesToFetch > 0 else { return }
    let (need, overflow) = bytesToFetch.addingReportingOverflow(margin)
    guard overflow || free < need else { return }
    throw HubError(
      .diskSpace,
      "needs \(Self.size(bytesToFetch)) and \(Self.size(margin)) to spare, but \(layout.root) has "
        + "\(Self.size(free)) free; make room or set HF_HUB_CACHE to a larger disk",
      subject: reference.description)
  }

  private func sum(_ sizes: some Sequence<Int>) -> Int {
    sizes.reduce(0) { total, size in
      let (sum, overflow) = total.addingReportingOverflow(size)
      return overflow ? Int.max : sum
    }
  }

  static func size(_ bytes: Int) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    let tenths = Int((value * 10).rounded())
    return unit == 0 ? "\(bytes) bytes" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }
}

extension PartialNote {
  /// Bytes the note vouches for, for a plan's arithmetic; the download itself looks closer.
  func heldBytes(of file: HubFile) -> Int {
    guard sha256 == file.hash.hex, size == file.size else { return 0 }
    var held = 0
    for pair in ranges where pair.count == 2 && pair[0] >= 0 && pair[0] < pair[1] {
      guard pair[1] <= size else { return 0 }
      held += pair[1] - pair[0]
    }
    return min(held, size)
  }
}
