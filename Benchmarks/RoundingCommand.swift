import ArgumentParser
import Carina
import CommandOptions
import Foundation

/// `bench rounding`: what weights and rows in 8 bits cost in logits, losses and gradients.
struct RoundingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rounding", abstract: "Measure what frozen weights in 8 bits change, beside bf16 and against fp32.",
    discussion: """
      Example: bench rounding --checkpoint results/reproduce/stage2/final_model --shards data/phantom/shards/stage2-test
      Example: bench rounding --models models --outliers 32

      One pass forwards and back over the same samples in fp32, in bf16 and over blocks whose matrices and rows are in 8 \
      bits, in groups of several sizes. Printed are relative errors (root mean squares) of the logits before the last \
      tokens and of the projector's gradient, that of each token's loss in nats, and the mean loss. --outliers makes a \
      few channels of the models of full size so many times larger, and the weights that read them smaller, so that the \
      function stays as it is.
      """)

  @Option(name: .long, help: ArgumentHelp("Directory of siglip-l-random and gemma3-1b-random.", valueName: "dir"))
  var models: String?
  @Option(name: .long, help: ArgumentHelp("Instead of them the result of a training run.", valueName: "dir"))
  var checkpoint: String?
  @Option(name: .long, help: ArgumentHelp("With --checkpoint the samples.", valueName: "dir")) var shards: String?
  @Option(name: .long, help: "With --checkpoint how many samples.") var samples = 32
  @Option(name: .long, help: "With --models tokens of text.") var textTokens = 64
  @Option(name: .long, help: "With --models the factor on a few channels, a power of two; 1 for none.") var outliers = 1
  @Option(
    name: .long,
    help: "Sizes of groups, with commas; 0 for whole rows, large for whole rows whose large numbers take several bytes."
  )
  var groups = "large,0,128"
  @Flag(name: .long, help: "Round the vision encoder instead of the language model.") var vision = false
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    let roundings = try groups.split(separator: ",").map { text -> (String, ByteRounding) in
      if text == "large" { return ("whole rows, large numbers in several bytes", .standard) }
      guard let size = Int(text), size >= 0, size % 4 == 0 else {
        throw CarinaError(.usage, "--groups cannot be used", expected: "large, or multiples of 4", found: String(text))
      }
      let group = size == 0 ? nil : Optional(size)
      return (
        group.map { "groups of \($0)" } ?? "whole rows",
        ByteRounding(forward: group, backward: group, widensLarge: false)
      )
    }
    let exact = try outcome(.float32, nil), full = try outcome(.bfloat16, nil)
    var table = TextTable(
      ["blocks", "logits", "gradient", "cosine", "a token's loss", "mean loss"],
      alignments: [.left, .right, .right, .right, .right, .right])
    func add(_ name: String, _ found: RoundingOutcome) {
      table.rows.append(
        [name]
          + [
            RoundingOutcome.distance(found.logits, exact.logits),
            RoundingOutcome.distance(found.gradient, exact.gradient),
            RoundingOutcome.cosine(found.gradient, exact.gradient), RoundingOutcome.spread(found.losses, exact.losses),
            found.meanLoss,
          ].map { String(format: "%.5f", $0) })
    }
    add("fp32", exact)
    add("bf16", full)
    for (name, rounding) in roundings { add("int8, " + name, try outcome(.bfloat16, rounding)) }
    try writeToStandardOutput(table.text)
  }

  /// - Parameter rounding: nil for blocks that are not rounded.
  private func outcome(_ type: ElementType, _ rounding: ByteRounding?) throws -> RoundingOutcome {
    let device = Device(CPUBackend(byteRounding: rounding ?? .standard))
    let round = { (model: VisionLanguageModel) in
      guard rounding != nil else { return }
      if vision { model.vision.multiplyInBytes() } else { model.decoder.multiplyInBytes() }
    }
    switch (models, checkpoint, shards) {
    case (let models?, nil, nil):
      let full = try FullSizeModel(
        directory: models, precision: type == .bfloat16 ? .bf16 : .fp32, textTokens: textTokens, on: device)
      if outliers > 1 { OutlierChannels.make(full.model, factor: Float(outliers)) }
      round(full.model)
      return RoundingOutcome(
        full.model, full.sequences(supervisedFrom: 0), full.model.pooledFeatures(full.pixels, count: 1, tape: nil))
    case (nil, let checkpoint?, let shards?):
      let found = try CheckpointParts(checkpoint), pipeline = try found.parts.join(precision: type, on: device.backend)
      let model = pipeline.model
      round(model)
      let held = try ShardSamples(
        ShardDirectory(shards), transform: try found.transform(defaultSize: model.vision.config.imageSize).transform)
      let renderer = try found.parts.renderer(
        style: found.promptStyle, maximumQuestionTokens: 128, maximumAnswerTokens: 512, system: found.system)
      let objective = JointObjective(model: model, samples: held, renderer: renderer, policy: .stage1)
      let batch = try objective.prepare(Array(0..<min(samples, held.count)))
      let features = try VisionFeatures(model, samples: held).rows(batch.images, tape: nil)
      return RoundingOutcome(model, batch.sequences, features)
    default:
      throw CarinaError(
        .usage, "one model is measured", expected: "--models DIR, or --checkpoint DIR with --shards DIR")
    }
  }
}
