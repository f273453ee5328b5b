// From installed models to the gate's candidates.

extension ModelRegistry {
  /// The generating models as candidates, the best first.
  ///
  /// - Parameters:
  ///   - isLoadable: leaves out architectures the caller cannot run.
  ///   - need: the need of one model in a context; nil falls back on the estimate from its header.
  package func gateCandidates(
    isLoadable: (InstalledModel) -> Bool = { _ in true },
    need: @escaping @Sendable (InstalledModel, _ context: Int) -> MemoryNeed? = { _, _ in nil }
  ) -> [MemoryGate.Candidate] {
    candidates(for: .generate).filter(isLoadable).compactMap { model in
      guard let header = model.header else { return nil }
      return MemoryGate.Candidate(
        id: model.id, rank: model.rank,
        maximumContext: model.maximumContext ?? 2048,
        need: { need(model, $0) ?? header.estimatedNeed(context: $0) })
    }
  }
}
