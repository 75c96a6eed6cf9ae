import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// A model of Carina's own, in parts, as the directory of one joined model of transformers: the same weights under the names
/// of the hub, with what `AutoModelForImageTextToText` and `AutoProcessor` need.
///
///     let export = try JoinedExport("runs/stage2/final_model", as: .llava)
///     try export.write(to: "joined")
public struct JoinedExport {
  private let manifest: CarinaManifest
  private let writer: JoinedDirectoryWriter
  private let inputs: [String]
  /// What the directory will not say as the model was trained, for the log.
  public let remarks: [String]

  /// Finds the model, and refuses it before anything is written where such a directory cannot express it.
  /// - Throws: `CarinaError.badData` naming what cannot be expressed; what opening a checkpoint throws.
  public init(_ checkpoint: String, as kind: JoinedModelKind) throws {
    let found = try CheckpointParts(checkpoint), backend = CPUBackend()
    try found.requirePlain()
    guard let manifest = found.manifest, manifest.layout == .parts,
      case .directory(let projection) = found.parts.projector
    else {
      let own = found.parts.language.joinedKind ?? kind
      throw CarinaError(
        .usage, "this is a \(own.architecture) already", at: checkpoint,
        remedy: own == kind ? "Use it as it is." : "Export the model in parts that it was made of.")
    }
    self.manifest = manifest
    let parts = found.parts, language = try parts.language.decoderConfig()
    let tower = try parts.vision.visionReading(), projector = try projection.projectorConfig()
    let transform = try manifest.transform(source: "\(checkpoint)/\(CarinaManifest.fileName)")
    inputs = parts.directories
    let requirement = JoinedExportRequirement(
      kind: kind, checkpoint: checkpoint, manifest: manifest, projector: projector, vision: tower.config)
    try requirement.require(transform)
    let tokenizer = try TokenizerFactory.load(directory: parts.tokenizer.path)
    let texts =
      kind == .gemma3 ? JoinedProcessor.gemma3Pieces.map(\.text) : [LlavaImagePiece(of: tokenizer).rawValue]
    let pieces = try Self.pieces(texts, of: tokenizer, in: parts.tokenizer)
    let rows = Self.rowCount(covering: pieces.ids, atLeast: language.config.vocabularySize)
    let visionConfig = tower.config.withoutPoolingHead
    let images: JSONObject, processor: JoinedProcessor
    switch kind {
    case .gemma3:
      let tokens = try requirement.pooling.tokenCount
      images =
        JoinedGemma3Config(
          startOfImage: pieces.ids[0], endOfImage: pieces.ids[1], softToken: pieces.ids[2], tokensPerImage: tokens
        ).json
      processor = .gemma3(tokensPerImage: tokens)
    case .llava:
      let config = LlavaConfig(
        imageToken: pieces.ids[0], dropsFirstPatch: manifest.dropsFirstPatch, vision: visionConfig)
      images = config.json
      processor = .llava(
        config, image: texts[0], patchSize: visionConfig.patchSize, style: manifest.promptStyle)
    }

    let decoder = try parts.language.stored(language.format) { _ = Decoder(language.config, from: $0) }
    let vision = try parts.vision.stored(tower.format) { _ = VisionEncoder(tower.config, from: $0) }
    let matrices = try projection.stored(.projector(projector)) { _ = Projector(projector, from: $0) }
    func tensors(_ table: TensorTable, _ stored: StoredTensors) throws -> [JoinedDirectoryWriter.Written] {
      try table.rows.map { row in
        let (tensor, type) = try stored.tensor(row.name, on: backend)
        let isTable = [TensorFormat.embeddingName, TensorFormat.headName].contains(row.name)
        return (row.name, isTable ? tensor.extended(toRows: rows, on: backend) : tensor, type)
      }
    }
    writer = JoinedDirectoryWriter(
      kind: kind, config: Self.document(kind, images, language.config, rows: rows, visionConfig),
      generation: try Self.generation(kind, parts.language, language.config, tokenizer, manifest.promptStyle),
      tensors: JoinedDirectoryWriter.named(try tensors(TensorTable(of: language.config), decoder), .joinedDecoder)
        + JoinedDirectoryWriter.named(try tensors(TensorTable(of: visionConfig), vision), .joinedVision)
        + JoinedDirectoryWriter.named(try tensors(TensorTable(of: projector), matrices), .projector(in: kind)),
      type: try decoder.type(of: TensorFormat.embeddingName),
      processor: JoinedProcessorFiles(
        tokenizer: parts.tokenizer, images: nil, transform: transform, processor: processor, added: pieces.added))
    var remarks = [String]()
    if let layout = requirement.layoutRemark { remarks.append(layout) }
    if rows > language.config.vocabularySize {
      remarks.append(
        "\(rows - language.config.vocabularySize) rows were added to the \(language.config.vocabularySize) of the "
          + "vocabulary, each the mean of all, for pieces around an image"
          + (pieces.added.isEmpty ? "" : ": \(pieces.added.map(\.text).joined(separator: ", "))"))
    }
    if transform.colour == .grey {
      remarks.append("the model was trained on grey images, and \(processor.name) keeps the colours of an image")
    }
    self.remarks = remarks
  }

  /// Writes the directory.
  /// - Throws: `CarinaError.usage` where something is there already, or the directory lies in one that is read;
  ///   `.cannotWrite`.
  public func write(to path: String) throws {
    try OutputDirectory.require(path, outside: inputs)
    guard !FileManager.default.fileExists(atPath: path) else {
      throw CarinaError(
        .usage, "the output is there already", at: path, remedy: "Name a directory that is not there yet.")
    }
    try writer.write(to: path) { part in
      var manifest = manifest
      (manifest.languageModel, manifest.visionEncoder, manifest.projector) = (part, part, part)
      return manifest
    }
  }

  /// The ids of the pieces around an image, and those that the tokenizer lacks, with ids behind its own.
  private static func pieces(
    _ texts: [String], of tokenizer: any Tokenizer, in directory: ModelDirectory
  ) throws -> (ids: [Int], added: [(text: String, id: Int)]) {
    var added: [(text: String, id: Int)] = []
    let ids = texts.map { text in
      if let id = tokenizer.id(of: text) { return id }
      added.append((text, tokenizer.vocabularySize + added.count))
      return tokenizer.vocabularySize + added.count - 1
    }
    guard added.isEmpty || directory.has("tokenizer.json") else {
      throw CarinaError(
        .badData, "the tokenizer lacks pieces that stand around an image, and only a tokenizer.json can be added to",
        at: directory.path, expected: texts.joined(separator: ", "),
        found: "no \(added.map(\.text).joined(separator: ", "))",
        remedy: "Put the tokenizer.json of a Gemma 3 model beside the decoder.")
    }
    return (ids, added)
  }

  /// Rows of a table that has all ids: as it is, or up to a multiple of 64, as the published sizes have it.
  private static func rowCount(covering ids: [Int], atLeast count: Int) -> Int {
    let needed = (ids.max() ?? 0) + 1
    return needed <= count ? count : (needed + 63) / 64 * 64
  }

  private static func document(
    _ kind: JoinedModelKind, _ images: JSONObject, _ decoder: DecoderConfig, rows: Int, _ vision: VisionConfig
  ) -> JSONValue {
    var text = decoder.json.object ?? JSONObject(), whole = images
    text["vocab_size"] = .integer(rows)
    // transformers takes the ends of a LLaVA from its text part.
    let outer = kind == .gemma3 ? ["bos_token_id", "eos_token_id", "pad_token_id"] : []
    for key in outer + ["tie_word_embeddings"] { whole[key] = text[key] }
    whole["text_config"] = .object(text)
    whole["vision_config"] = vision.json
    return .object(whole)
  }

  /// The decoder's `generation_config.json`; for a LLaVA with the ends of the layout, at which answers stop here.
  private static func generation(
    _ kind: JoinedModelKind, _ directory: ModelDirectory, _ decoder: DecoderConfig, _ tokenizer: any Tokenizer,
    _ style: PromptStyle
  ) throws -> JSONValue {
    let file = directory.file("generation_config.json")
    let own = directory.has("generation_config.json") ? try JSONValue.parseFile(file) : decoder.generationJSON
    guard kind == .llava, case .object(var object) = own else { return own }
    let settings = PromptSettings()
    let renderer = try PromptRenderer(
      tokenizer: tokenizer, style: style, maximumQuestionTokens: settings.maximumQuestionTokens,
      maximumAnswerTokens: settings.maximumAnswerTokens)
    let ends = decoder.endTokens + renderer.stopTokens.subtracting(decoder.endTokens).sorted()
    object["eos_token_id"] = .array(ends.map { .integer($0) })
    return .object(object)
  }
}

extension ModelDirectory {
  /// The tensors of a part as the files hold them, once it is sure that all of them are there.
  /// - Throws: as `StrictLoader.finish`.
  fileprivate func stored(_ format: TensorFormat, _ build: (ParameterSource) -> Void) throws -> StoredTensors {
    let weights = try weights()
    try StrictLoader.look(at: weights, format, build)
    return StoredTensors(weights, format)
  }
}

extension TensorSource {
  /// A table of rows [V, D] with more rows behind, each the mean of all (what transformers' `resize_token_embeddings`
  /// draws around): no logit of theirs is above the largest of the others.
  fileprivate func extended(toRows count: Int, on backend: any Backend) -> TensorSource {
    let width = shape.last ?? 1, rows = shape.first ?? 0
    guard count > rows, rows > 0 else { return self }
    var sums = [Double](repeating: 0, count: width)
    let rowsAtOnce = max(1, (1 << 22) / width)
    for first in stride(from: 0, to: rows, by: rowsAtOnce) {
      let piece = piece(first * width..<min(rows, first + rowsAtOnce) * width).converted(to: .float32).values
      for index in piece.indices { sums[index % width] += Double(piece[index]) }
    }
    let mean = sums.map { Float($0 / Double(rows)) }
    let added = Tensor(
      (rows..<count).flatMap { _ in mean }, shape: [count - rows, width], on: backend
    ).converted(to: elementType)
    return TensorSource(self, followedBy: TensorSource(added), on: backend)
  }
}
