import CarinaModel

/// How the files of one kind of model name their tensors, and what else they may hold.
///
/// The engine's names are those of the whole models: `model.…` for a decoder (Gemma3ForCausalLM), `vision_model.…`,
/// `text_model.…`, `logit_scale` and `logit_bias` for SigLIP (SiglipModel), `model.0.…` and `model.2.…` for a
/// projector. A layout with other names is another value of this type: one row of `names` for each prefix that differs.
package struct TensorFormat: Sendable {
  /// One row: a prefix of a name in the file, and what stands in its place in the engine's name.
  package struct Naming: Sendable {
    let file: String, engine: String
    /// Whether the row is about one tensor, whose whole name this is.
    let isWhole: Bool

    /// Names that begin with `file` begin with `engine` in the engine; with the same where nothing else is said.
    package init(_ file: String, engine: String? = nil) {
      (self.file, self.engine, isWhole) = (file, engine ?? file, false)
    }

    /// One tensor, with the same name in both where nothing else is said.
    package init(whole name: String, engine: String? = nil) {
      (file, self.engine, isWhole) = (name, engine ?? name, true)
    }
  }

  /// A tensor that a file holds and a model does without, knowingly.
  package struct LeftOut: Equatable, Sendable {
    /// Which tensors, by the engine's names.
    package enum Which: Equatable, Sendable {
      /// Those whose names begin so.
      case prefix(String)
      /// Those whose names end so.
      case suffix(String)
      /// One of this name.
      case name(String)
      /// One that holds the same numbers as another; with other numbers it is refused.
      case copy(String, of: String)
    }

    /// Which tensors.
    package let which: Which
    /// Why they are not needed, for the log.
    package let reason: String
    /// Whether another part of a joined model has them.
    package let isOfAnotherPart: Bool

    /// Collects the values.
    package init(_ which: Which, _ reason: String, isOfAnotherPart: Bool = false) {
      self.which = which
      self.reason = reason
      self.isOfAnotherPart = isOfAnotherPart
    }

    /// Whether the row is about the tensor of a name (the engine's).
    package func matches(_ name: String) -> Bool {
      switch which {
      case .prefix(let prefix): name.hasPrefix(prefix)
      case .suffix(let suffix): name.hasSuffix(suffix)
      case .name(let own), .copy(let own, _): name == own
      }
    }
  }

  /// The architecture, as `config.json` calls it.
  package let architecture: String
  /// The rows in order: the first that fits a name counts. Files are written with the first that gives the engine's
  /// name.
  package var names: [Naming]
  /// What a wrapper has left before all names of the files; see `WrapperPrefix`.
  package private(set) var wrapper = ""
  /// What is left out with its reason; the first row that fits a name counts.
  package var leftOut: [LeftOut]
  /// What is loaded and never trained, as nothing that is trained on depends on it.
  package var untrained: [LeftOut]

  /// Collects the rows.
  package init(architecture: String, names: [Naming], leftOut: [LeftOut], untrained: [LeftOut] = []) {
    self.architecture = architecture
    self.names = names
    self.leftOut = leftOut
    self.untrained = untrained
  }

  /// Axes of every tensor, outermost first: all formats so far keep PyTorch's order, which is the engine's.
  static func axes(of name: String, rank: Int) -> [String] {
    if name.hasSuffix("patch_embedding.weight") { return ["outputs", "channels", "rows", "columns"] }
    if name.hasSuffix("position_embedding.weight") { return ["positions", "width"] }
    if name.hasSuffix("embed_tokens.weight") || name.hasSuffix("token_embedding.weight") { return ["tokens", "width"] }
    if name.hasSuffix("mm_input_projection_weight") { return ["inputs", "outputs"] }
    switch rank {
    case 1: return ["outputs"]
    case 2: return ["outputs", "inputs"]
    default: return [String](repeating: "one", count: max(rank - 1, 0)) + ["width"]
    }
  }

  /// The engine's name of a tensor in a file; nil when no model of this kind has one of this name.
  package func engineName(_ file: String) -> String? {
    guard file.hasPrefix(wrapper) else { return nil }
    let file = file.dropFirst(wrapper.count)
    return names.first { $0.isWhole ? file == $0.file : file.hasPrefix($0.file) }
      .map { $0.engine + file.dropFirst($0.file.count) }
  }

  /// The format for files in which a wrapper stands before all names, or this one where none does. Only a joined model
  /// is read so: transformers finds no weight of the other models behind a wrapper, so they are refused by its name.
  func unwrapping(_ weights: WeightsDirectory) -> TensorFormat {
    guard JoinedModelKind.allCases.contains(where: { $0.architecture == architecture }) else { return self }
    var format = self
    format.wrapper = WrapperPrefix.common(to: weights.names)
    return format
  }

  /// Whether a tensor is left out for the reason that another part of a joined model has it.
  static func isOfAnotherPart(_ reason: String) -> Bool {
    [joinedDecoder, joinedVision, joinedProjector].contains { format in
      format.leftOut.contains { $0.reason == reason && $0.isOfAnotherPart }
    }
  }

  /// The name under which a tensor of the engine is written.
  func fileName(_ engine: String) -> String {
    names.first { $0.isWhole ? engine == $0.engine : engine.hasPrefix($0.engine) }
      .map { $0.file + engine.dropFirst($0.engine.count) } ?? engine
  }

  private static let positions = LeftOut(.suffix(".position_ids"), "a list of positions, not a weight")
  private static let rotation = LeftOut(.suffix("inv_freq"), "rotary frequencies, which the configuration gives")

  /// The engine's names of the output head and of the embedding.
  static let headName = "lm_head.weight", embeddingName = "model.embed_tokens.weight"
  /// The engine's name of the vision tower's first matrix.
  static let patchesName = "vision_model.embeddings.patch_embedding.weight"
}

extension TensorFormat {
  /// A decoder: Gemma3ForCausalLM, or a bare Gemma3TextModel, which is without `model.`.
  package static let decoder = TensorFormat(
    architecture: "Gemma3ForCausalLM",
    names: [
      Naming("model."), Naming(whole: "lm_head.weight"), Naming("embed_tokens.", engine: "model.embed_tokens."),
      Naming("layers.", engine: "model.layers."), Naming("norm.", engine: "model.norm."),
    ],
    leftOut: [
      positions, rotation,
      LeftOut(.copy(headName, of: embeddingName), "the same numbers as the embedding"),
    ])

  /// The decoder in a joined model: under the names of the hub and of `save_pretrained` (`language_model.model.…`), or
  /// those in the memory of transformers 4.52 and later (`model.language_model.…`), which some tools save.
  package static let joinedDecoder = TensorFormat(
    architecture: "Gemma3ForConditionalGeneration",
    names: [
      Naming("language_model.model.", engine: "model."), Naming("model.language_model.", engine: "model."),
      Naming(whole: "language_model.lm_head.weight", engine: headName), Naming(whole: headName),
    ] + besideDecoder,
    leftOut: [
      positions, rotation,
      LeftOut(.prefix("vision_tower."), "the vision tower is not the decoder's", isOfAnotherPart: true),
      LeftOut(.prefix("multi_modal_projector."), "the projector is not the decoder's", isOfAnotherPart: true),
      LeftOut(.copy(headName, of: embeddingName), "the same numbers as the embedding"),
    ])

  private static let besideDecoder = [
    Naming("vision_tower."), Naming("multi_modal_projector."),
    Naming("model.vision_tower.", engine: "vision_tower."),
    Naming("model.multi_modal_projector.", engine: "multi_modal_projector."),
  ]

  /// The vision tower in a joined model, under the same three kinds of names; transformers 5 leaves `vision_model.` out.
  package static let joinedVision = TensorFormat(
    architecture: "Gemma3ForConditionalGeneration",
    names: ["vision_tower.", "model.vision_tower."].flatMap { tower in
      [Naming(tower + "vision_model.", engine: "vision_model."), Naming(tower, engine: "vision_model.")]
    } + [
      Naming("language_model."), Naming(whole: headName), Naming("multi_modal_projector."),
      Naming("model.language_model.", engine: "language_model."),
      Naming("model.multi_modal_projector.", engine: "multi_modal_projector."),
    ],
    leftOut: [
      positions, LeftOut(.prefix("language_model."), "the decoder is not the vision tower's", isOfAnotherPart: true),
      LeftOut(.name(headName), "the decoder is not the vision tower's", isOfAnotherPart: true),
      LeftOut(.prefix("multi_modal_projector."), "the projector is not the vision tower's", isOfAnotherPart: true),
    ],
    untrained: [poolingHead])

  /// A SigLIP vision tower, or the whole SiglipModel that it is a half of. transformers 5 writes a tower of its own
  /// without `vision_model.`, earlier versions with it.
  package static let vision = TensorFormat(
    architecture: "SiglipVisionModel",
    names: siglip.names + [
      Naming("embeddings.", engine: "vision_model.embeddings."), Naming("encoder.", engine: "vision_model.encoder."),
      Naming("post_layernorm.", engine: "vision_model.post_layernorm."), Naming("head.", engine: "vision_model.head."),
      Naming("classifier."),
    ],
    leftOut: [
      LeftOut(.prefix("text_model."), "the text tower is not needed"),
      LeftOut(.prefix("logit_"), "the contrastive loss is not needed"),
      LeftOut(.prefix("classifier."), "no feature passes through the classifier"), positions,
    ],
    untrained: [poolingHead])

  /// Both towers of SigLIP with temperature and bias.
  package static let siglip = TensorFormat(
    architecture: "SiglipModel",
    names: [
      Naming("vision_model."), Naming("text_model."), Naming(whole: "logit_scale"), Naming(whole: "logit_bias"),
    ],
    leftOut: [positions])

  /// A projector: names as in the checkpoints of the Python recipe.
  package static let projector = TensorFormat(
    architecture: "projector", names: [Naming("model.")], leftOut: [positions])

  /// Gemma 3's projector in a directory of its own.
  package static let pooledProjector = TensorFormat(
    architecture: "projector", names: [Naming("mm_")], leftOut: [positions])

  /// Gemma 3's projector in a joined model, under the same kinds of names as the decoder.
  package static let joinedProjector = TensorFormat(
    architecture: "Gemma3ForConditionalGeneration",
    names: [
      Naming("multi_modal_projector.", engine: ""), Naming("model.multi_modal_projector.", engine: ""),
      Naming("language_model."), Naming("model.language_model.", engine: "language_model."), Naming(whole: headName),
      Naming("vision_tower."), Naming("model.vision_tower.", engine: "vision_tower."),
    ],
    leftOut: [
      LeftOut(.prefix("language_model."), "the decoder is not the projector's", isOfAnotherPart: true),
      LeftOut(.name(headName), "the decoder is not the projector's", isOfAnotherPart: true),
      LeftOut(.prefix("vision_tower."), "the vision tower is not the projector's", isOfAnotherPart: true), positions,
    ])

  /// The projector of a LLaVA, under the same kinds of names: `linear_1` and `linear_2` are the two maps of the MLP.
  package static let llavaProjector = TensorFormat(
    architecture: JoinedModelKind.llava.architecture,
    names: ["multi_modal_projector.", "model.multi_modal_projector."].flatMap { prefix in
      [Naming(prefix + "linear_1", engine: "model.0"), Naming(prefix + "linear_2", engine: "model.2")]
    } + joinedProjector.names.filter { !$0.file.contains("multi_modal_projector.") },
    leftOut: joinedProjector.leftOut)

  /// The projector in a joined model of a kind.
  package static func projector(in kind: JoinedModelKind) -> TensorFormat {
    switch kind {
    case .gemma3: joinedProjector
    case .llava: llavaProjector
    }
  }

  /// The format of a projector in a directory of its own.
  package static func projector(_ config: ProjectorConfig) -> TensorFormat {
    config.form == .gemma3 ? .pooledProjector : .projector
  }

  /// The attention-pooling head, which no feature for the decoder passes through.
  package static let poolingHead = LeftOut(
    .prefix("vision_model.head."), "the features come from before the pooling head")
}
