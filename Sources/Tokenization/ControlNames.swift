/// Names of tokens that mean something to a chat format, which writes them by id.
///
/// They are control tokens whatever a model file calls them: what a file calls user-defined comes out
/// of every text that spells it, and a document could end the user's turn. llama.cpp overrides such
/// files too.
package enum ControlNames {
  /// Those that end a turn or a text.
  package static let ends = [
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>",
    "<end_of_turn>", "<|return|>", "<|call|>",
  ]

  package static let all = Set(
    ends + [
      "<s>", "</s>", "<bos>", "<eos>", "<|begin_of_text|>", "<|startoftext|>",
      "<|im_start|>", "<start_of_turn>", "<|start_header_id|>", "<|end_header_id|>",
      "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]",
      "<|start|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|end|>",
    ])
}
