import Synchronization
import Tokenization

/// A tokenizer that shows how a text was cut: bytes are ids, the first byte of each encoded text
/// is raised by 256, control tokens are 1000 and up.
struct StubTokenizer: Tokenizer {
  var controls: [String]
  var bosName: String?
  var eosName: String?
  var addsBOS = false
  var addsEOS: Bool { false }
  let asked = Asked()

  /// The names that ids were asked for.
  final class Asked: Sendable {
    let names = Mutex<Set<String>>([])
  }

  var vocabularySize: Int { 1000 + controls.count }

  func encode(_ utf8: UnsafeBufferPointer<UInt8>, special: SpecialTokens) -> [TokenID] {
    var ids = utf8.map(TokenID.init)
    if !ids.isEmpty { ids[0] += 256 }
    return ids
  }

  func bytes(of id: TokenID) -> [UInt8] {
    (0..<512).contains(id) ? [UInt8(truncatingIfNeeded: id)] : []
  }

  func name(of id: TokenID) -> String {
    isControl(id) ? controls[Int(id) - 1000] : String(decoding: bytes(of: id), as: UTF8.self)
  }

  func isControl(_ id: TokenID) -> Bool { id >= 1000 && Int(id) < vocabularySize }

  func id(named name: String) -> TokenID? {
    _ = asked.names.withLock { $0.insert(name) }
    return controls.firstIndex(of: name).map { TokenID(1000 + $0) }
  }

  var bos: TokenID? { bosName.flatMap(id(named:)) }
  var eos: TokenID? { eosName.flatMap(id(named:)) }
}
