import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// A model of Carina's own, in parts, as one `Gemma3ForConditionalGeneration` directory: the same weights under the names
/// of the hub, with what `AutoModelForImageTextToText` and `AutoProcessor` need.
///
///     let export = try JoinedGemma3Export("runs/stage2/final_model")
///     try export.write(to: "joined")
public struct JoinedGemma3Export {
  private let manifest: CarinaManifest
  private let writer: JoinedGemma3Writer
  private let inputs: [String]
  /// What the directory will not say as the model was trained, for the log.
  public let remarks: [String]

  /// Finds the model, and refuses it before anything is written where such a directory cannot express it.
  /// - Throws: `CarinaError.badData` naming what cannot be expressed; what opening a checkpoint throws.
  public init(_ checkpoint: String) throws {
    let found = try CheckpointParts(checkpoint), backend = CPUBackend()
    guard let manifest = found.manifest, manifest.layout == .parts,
      case .directory(let projection) = found.parts.projector
    else {
      throw CarinaError(
        .usage, "this is a Gemma3ForConditionalGeneration already", at: checkpoint, remedy: "Use it as it is.")
    }
    self.manifest = manifest
    let parts = found.parts, language = try parts.language.decoderConfig()
    let tower = try parts.vision.visionReading(), projector = try projection.projectorConfig()
    let transform = try manifest.transform(source: "\(checkpoint)/\(CarinaManifest.fileName)")
    inputs = parts.directories
    let pooling = try Self.requirePooling(projector, tower.config, manifest, transform, at: checkpoint)
    let pieces = try Self.pieces(of: parts.tokenizer)
    let images = JoinedGemma3Config(
      startOfImage: pieces.ids[0], endOfImage: pieces.ids[1], softToken: pieces.ids[2],
      tokensPerImage: pooling.tokenCount)
    let rows = Self.rowCount(covering: pieces.ids, atLeast: language.config.vocabularySize)

    let decoder = try parts.language.stored(language.format) { _ = Decoder(language.config, from: $0) }
    let vision = try parts.vision.stored(tower.format) { _ = VisionEncoder(tower.config, from: $0) }
    let matrix = try projection.stored(.projector(projector)) { _ = Projector(projector, from: $0) }
    func tensors(_ table: TensorTable, _ stored: StoredTensors) throws -> [JoinedGemma3Writer.Written] {
      try table.rows.map { row in
        let (tensor, type) = try stored.tensor(row.name, on: backend)
        let isTable = [TensorFormat.embeddingName, TensorFormat.headName].contains(row.name)
        return (row.name, isTable ? tensor.extended(toRows: rows, on: backend) : tensor, type)
      }
    }
    let visionConfig = tower.config.withoutPoolingHead, generation = parts.language.file("generation_config.json")
    writer = JoinedGemma3Writer(
      config: Self.document(images, language.config, rows: rows, visionConfig),
      generation: parts.language.has("generation_config.json")
        ? try JSONValue.parseFile(generation) : language.config.generationJSON,
      tensors: JoinedGemma3Writer.named(try tensors(TensorTable(of: language.config), decoder), .joinedDecoder)
        + JoinedGemma3Writer.named(try tensors(TensorTable(of: visionConfig), vision), .joinedVision)
        + JoinedGemma3Writer.named(try tensors(TensorTable(of: projector), matrix), .joinedProjector),
      type: try decoder.type(of: TensorFormat.embeddingName),
      processor: Gemma3ProcessorFiles(
        tokenizer: parts.tokenizer, images: nil, transform: transform, tokensPerImage: pooling.tokenCount,
        added: pieces.added))
    var remarks = [String]()
    if manifest.promptStyle != .gemma3 {
      remarks.append(
        "the model was trained in the layout \(manifest.promptStyle.rawValue), and Gemma3Processor lays out gemma3: "
          + "expect other answers from it there, and the same here")
    }
    if rows > language.config.vocabularySize {
      remarks.append(
        "\(rows - language.config.vocabularySize) rows were added to the \(language.config.vocabularySize) of the "
          + "vocabulary, each the mean of all, for pieces around an image"
          + (pieces.added.isEmpty ? "" : ": \(pieces.added.map(\.text).joined(separator: ", "))"))
    }
    if transform.colour == .grey {
      remarks.append("the model was trained on grey images, and Gemma3Processor keeps the colours of an image")
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

  private static func requirePooling(
    _ projector: ProjectorConfig, _ vision: VisionConfig, _ manifest: CarinaManifest, _ transform: ImageTransform,
    at checkpoint: String
  ) throws -> PatchPooling {
    func refusal(_ what: String, _ expected: String, _ found: String) -> CarinaError {
      CarinaError(
        .badData, "the model cannot be written as a Gemma3ForConditionalGeneration: \(what)", at: checkpoint,
        expected: expected, found: found, remedy: "Use it as it is, or train one of Gemma 3's form.")
    }
    guard let pooling = projector.pooling else {
      throw refusal(
        "its projector is another", "Gemma 3's: averages of patches, a norm and a matrix",
        "an MLP of \(projector.hiddenSize) hidden units")
    }
    guard manifest.feature == .postNorm else {
      throw refusal("it reads other features", "features after the last norm", manifest.feature.rawValue)
    }
    guard pooling.epsilon == vision.epsilon else {
      throw refusal(
        "the norms of projector and vision encoder differ", "an epsilon of \(vision.epsilon) in both",
        "\(pooling.epsilon)")
    }
    guard transform.aspect == .squash else {
      throw refusal(
        "its images are not squashed", "images squashed into a square", "aspect \(transform.aspect.rawValue)")
    }
    return pooling
  }

  /// The ids of the pieces around an image, and those that the tokenizer lacks, with ids behind its own.
  private static func pieces(of directory: ModelDirectory) throws -> (ids: [Int], added: [(text: String, id: Int)]) {
    let tokenizer = try TokenizerFactory.load(directory: directory.path)
    var added: [(text: String, id: Int)] = []
    let ids = Gemma3ProcessorFiles.pieces.map { _, text in
      if let id = tokenizer.id(of: text) { return id }
      added.append((text, tokenizer.vocabularySize + added.count))
      return tokenizer.vocabularySize + added.count - 1
    }
    guard added.isEmpty || directory.has("tokenizer.json") else {
      throw CarinaError(
        .badData, "the tokenizer lacks pieces that stand around an image, and only a tokenizer.json can be added to",
        at: directory.path, expected: Gemma3ProcessorFiles.pieces.map(\.text).joined(separator: ", "),
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
    _ images: JoinedGemma3Config, _ decoder: DecoderConfig, rows: Int, _ vision: VisionConfig
  ) -> JSONValue {
    var text = decoder.json.object ?? JSONObject(), whole = images.json
    text["vocab_size"] = .integer(rows)
    for key in ["bos_token_id", "eos_token_id", "pad_token_id", "tie_word_embeddings"] { whole[key] = text[key] }
    whole["text_config"] = .object(text)
    whole["vision_config"] = vision.json
    return .object(whole)
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
