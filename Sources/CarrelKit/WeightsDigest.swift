import Registry
import Storage

/// The SHA-256 of a model's weights file, read once and remembered beside the file.
enum WeightsDigest {
  static func hex(of model: InstalledModel, registry: ModelRegistry) throws -> String {
    guard let weights = model.files.max(by: { $0.size < $1.size }) else { return "" }
    let stamp = VerificationStamp(folder: model.folder)
    if let entry = stamp.files[weights.name],
      stamp.vouches(for: weights.name, at: weights.path, sha256: entry.sha256)
    {
      return entry.sha256
    }
    if let verified = try? registry.verify(model),
      let file = verified.first(where: { $0.name == weights.name })
    {
      return file.sha256
    }
    // A folder that cannot be written to: the digest is computed each time.
    return try SHA256.hexDigest(ofFile: weights.path, progress: nil)
  }
}
