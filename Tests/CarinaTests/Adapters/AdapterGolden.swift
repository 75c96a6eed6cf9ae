import Carina
import Foundation
import TestSupport
import Testing

/// An adapter as PEFT saved it, over a tiny model, and what PEFT computes with it (Tests/Reference/make_adapter_goldens.py says
/// what each file holds).
struct AdapterGolden {
  let path: String
  let facts: JSONValue
  let isJoined: Bool
  private let tensors: SafetensorsFile

  init(_ name: String) throws {
    path = try ParityGolden.path("adapters/\(name)")
    // An adapter that was saved under a name lies one directory further in.
    let inner = FileManager.default.fileExists(atPath: path + "/golden.json") ? path : path + "/chest"
    facts = try JSONValue.parseFile(inner + "/golden.json")
    tensors = try SafetensorsFile(path: inner + "/golden.safetensors")
    isJoined = facts["base"]?.string != "training"
  }

  func tensor(_ name: String) throws -> Tensor { try tensors.tensor(named: name) }

  /// The base: two parts and a projector, or a joined Gemma 3.
  func parts() throws -> PipelineParts {
    if isJoined { return try PipelineParts(joined: ModelDirectory(path: ParityGolden.path("gemma3/grouped"))) }
    func directory(_ name: String) throws -> ModelDirectory {
      ModelDirectory(path: try ParityGolden.path("training/\(name)"))
    }
    return PipelineParts(
      language: try directory("language_model"), vision: try directory("siglip"),
      tokenizer: try directory("language_model"), projector: .directory(try directory("projection_layer")),
      feature: .postNorm, dropsFirstPatch: false)
  }

  /// The base with the adapter beside it.
  func adapted(precision: ElementType = .float32) throws -> JoinedPipeline {
    let parts = try parts(), attached = try AdapterChoice([path]).open(for: parts)
    var pipeline = try parts.join(precision: precision, on: TestBackend.chosen)
    try pipeline.attach(attached)
    return pipeline
  }

  /// The base's samples, each with the rows of the pixels that it refers to.
  func sequences() throws -> [ImageTextSequence] {
    guard isJoined else { return try TrainingGoldenData().samples("joined") }
    let golden = try ParityGolden("gemma3/grouped")
    return try #require(golden.facts["samples"]?.array).map { fact in
      let segments = try #require(fact["segments"]?.array).map(\.integers),
        images = try #require(fact["images"]).integers
      let flags = try #require(fact["supervised"]).integers.map { $0 == 1 }
      return ImageTextSequence(
        tokensBefore: images.isEmpty ? [] : segments[0], images: images,
        tokensBetween: Array(segments.dropFirst().dropLast()), tokensAfter: try #require(segments.last),
        supervised: [Bool](repeating: false, count: (segments.last?.count ?? 0) - flags.count) + flags)
    }
  }

  /// Normalised pixels, a row an image.
  func pixels() throws -> Tensor {
    let all =
      isJoined
      ? try ParityGolden("gemma3/grouped").tensor("pixel_values")
      : try SafetensorsFile(path: ParityGolden.path("training/data.safetensors")).tensor(named: "pixel_values")
    return all.reshaped([all.shape[0], all.count / all.shape[0]])
  }

  /// Samples as a batch of its own, with their images in the order of the samples.
  func batch(_ rows: [Int]) throws -> JointBatch {
    let sequences = try sequences(), pixels = try pixels()
    var images: [Int] = []
    let own = rows.map { row in
      let sequence = sequences[row], first = images.count
      images += sequence.images
      return ImageTextSequence(
        tokensBefore: sequence.tokensBefore, images: Array(first..<images.count), tokensBetween: sequence.tokensBetween,
        tokensAfter: sequence.tokensAfter, supervised: sequence.supervised)
    }
    let chosen = Tensor(images.flatMap { pixels.rowSlice($0..<$0 + 1).values }, shape: [images.count, pixels.width])
    return JointBatch(sequences: own, images: .pixels(chosen), imageCount: images.count)
  }

  /// Logits of a sample, [rows, V].
  func logits(_ model: VisionLanguageModel, sample: Int) throws -> Tensor {
    let batch = try batch([sample])
    let pixels: Tensor? = if case .pixels(let pixels) = batch.images { pixels } else { nil }
    let rows = batch.imageCount > 0 ? pixels.map { model.imageRows($0) } : nil
    let (x, lengths) = model.embed(batch.sequences, imageRows: rows, tape: nil)
    return model.decoder.logits(
      model.decoder.hiddenStates(
        x, lengths: lengths, mutualRuns: model.mutualRuns(of: batch.sequences), tape: nil))
  }
}

/// A joint objective with adapters, fed with the micro-batches of a golden run.
final class AdapterParityObjective: TrainingObjective {
  let base: JointObjective
  private let golden: AdapterGolden
  private let microBatches: [[Int]]
  private var prepared = 0
  let sampleCount: Int

  init(_ base: JointObjective, golden: AdapterGolden, microBatches: [[Int]], sampleCount: Int) {
    self.base = base
    self.golden = golden
    self.microBatches = microBatches
    self.sampleCount = sampleCount
  }

  var backend: any Backend { base.backend }
  var parameters: [Parameter] { base.parameters }
  func trainedParameters(epoch: Int) -> [Parameter] { base.trainedParameters(epoch: epoch) }
  func ownRate(of parameter: Parameter) -> Double? { base.ownRate(of: parameter) }
  func begin(step: Int) { base.begin(step: step) }
  func weight(of batch: JointBatch) -> Int { base.weight(of: batch) }
  func prepare(_ samples: [Int]) throws -> JointBatch {
    defer { prepared += 1 }
    return try golden.batch(microBatches[prepared])
  }
  func accumulate(_ batch: JointBatch, scale: Float, finiteWatch: FiniteWatch?) throws -> LossSum {
    try base.accumulate(batch, scale: scale, finiteWatch: finiteWatch)
  }
}
