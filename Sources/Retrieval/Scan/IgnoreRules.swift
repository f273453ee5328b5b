/// The ignore files that apply in one folder: its own and those of the folders above it.
///
/// A value: going into a subfolder makes a new one that shares the rest.
struct IgnoreRules {
  private struct Level {
    /// Length of the folder's path in bytes, with its last slash; paths below begin with it.
    let baseLength: Int
    /// Last pattern first: the first match decides.
    let patterns: [IgnorePattern]
  }

  /// Of `.gitignore`; innermost folder last.
  private var levels: [Level] = []
  /// Of `.carrelignore`: decide before all of those.
  private var own: [Level] = []

  /// Adds the patterns of one folder, which must lie below all those added before.
  /// - Parameters:
  ///   - folder: absolute, without a slash at the end.
  ///   - isOwn: they are of a `.carrelignore`.
  mutating func add(_ patterns: [IgnorePattern], folder: [UInt8], isOwn: Bool) {
    guard !patterns.isEmpty else { return }
    let base = folder == [slash] ? 1 : folder.count + 1
    let level = Level(baseLength: base, patterns: patterns.reversed())
    if isOwn { own.append(level) } else { levels.append(level) }
  }

  /// Whether an entry is ignored. Entries of an ignored folder are never asked about: what is below
  /// an ignored folder cannot be brought back.
  /// - Parameter path: absolute.
  func ignores(_ path: [UInt8], isFolder: Bool) -> Bool {
    if levels.isEmpty, own.isEmpty { return false }
    let nameStart = (path.lastIndex(of: slash) ?? -1) + 1
    for levels in [own, levels] {
      for level in levels.reversed() where path.count > level.baseLength {
        let relative = path[level.baseLength...]
        for pattern in level.patterns
        where pattern.matches(relative, nameStart: nameStart, isFolder: isFolder) {
          return !pattern.isNegated
        }
      }
    }
    return false
  }
}
