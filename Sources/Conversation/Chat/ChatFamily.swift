import Tokenization

/// The chat formats Carrel speaks.
package enum ChatFamily: String, Sendable, CaseIterable {
  case chatML = "chatml"
  case llama3
  case gemma
  case mistral
  case harmony
  /// No chat format: a base model, prompted with labelled lines.
  case plain

  /// Tells the family from the model's own template, its architecture (`general.architecture`) and
  /// the control tokens its vocabulary has. The tokens decide: a template that names tokens the
  /// vocabulary lacks cannot be rendered as ids.
  package static func detect(
    template: String?, architecture: String, tokenizer: any Tokenizer
  ) -> ChatFamily {
    detect(template: template, architecture: architecture) { tokenizer.id(named: $0) != nil }
  }

  /// What the template and the architecture alone say: the family, where the vocabulary is as it
  /// should be; nil for a template of a kind Carrel does not speak.
  package static func named(template: String?, architecture: String) -> ChatFamily? {
    let family = detect(template: template, architecture: architecture) { _ in true }
    return family == .plain && template?.isEmpty == false ? nil : family
  }

  private static func detect(
    template: String?, architecture: String, has: (_ token: String) -> Bool
  ) -> ChatFamily {
    let template = template ?? ""
    if has("<|start|>"), has("<|channel|>"), has("<|message|>"),
      architecture.hasPrefix("gpt-oss") || architecture.hasPrefix("gpt_oss")
        || template.contains("<|channel|>")
    {
      return .harmony
    }
    if template.contains("<|im_start|>"), has("<|im_start|>"), has("<|im_end|>") { return .chatML }
    if template.contains("<|start_header_id|>"), has("<|start_header_id|>"),
      has("<|end_header_id|>"), has("<|eot_id|>")
    {
      return .llama3
    }
    if template.contains("<start_of_turn>"), has("<start_of_turn>"), has("<end_of_turn>") {
      return .gemma
    }
    if template.contains("[INST]") { return .mistral }
    return .plain
  }

  /// The format for a model of this family.
  ///
  /// - Throws: `missingControlToken` when the vocabulary lacks what the family needs.
  package func makeFormat(
    tokenizer: any Tokenizer, template: String?, options: ChatOptions = ChatOptions()
  ) throws(ConversationError) -> any ChatFormat {
    let template = template ?? ""
    switch self {
    case .chatML:
      return try ChatMLFormat(tokenizer: tokenizer, template: template, options: options)
    case .llama3:
      return try Llama3Format(tokenizer: tokenizer, template: template, options: options)
    case .gemma: return try GemmaFormat(tokenizer: tokenizer, options: options)
    case .mistral:
      return MistralFormat(tokenizer: tokenizer, template: template, options: options)
    case .harmony: return try HarmonyFormat(tokenizer: tokenizer, options: options)
    case .plain: return PlainFormat(tokenizer: tokenizer, options: options)
    }
  }
}

extension Tokenizer {
  /// The id of a control token a format cannot do without.
  func required(_ name: String) throws(ConversationError) -> TokenID {
    guard let id = id(named: name) else {
      throw ConversationError(
        .missingControlToken,
        "the vocabulary has no such token, but the chat format of this model needs it",
        subject: name)
    }
    return id
  }

  /// The ids of those names the vocabulary has.
  func present(_ names: String...) -> [TokenID] {
    names.compactMap { id(named: $0) }
  }
}
