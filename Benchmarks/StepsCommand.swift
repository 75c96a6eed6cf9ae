import ArgumentParser
import Carina
import CommandOptions
import Foundation

/// `bench steps`: whole pieces of work on models of full size.
struct StepsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "steps", abstract: "Time whole pieces of work on models of full size.",
    discussion: """
      Example: bench steps --models models --work vision,stage1,prefill,decode

      The directory holds siglip-l-random and gemma3-1b-random in Hugging Face layout; real checkpoints of the same \
      shapes under these names do as well. One image a sample, 64 tokens of text, 16 before an answer. stage2 needs 20 GiB of memory. \
      --checkpoint times a joined Gemma 3 instead, with 32 tokens before an answer.
      """)

  @Option(name: .long, help: ArgumentHelp("Directory of the two models.", valueName: "dir")) var models: String?
  @Option(name: .long, help: ArgumentHelp("Instead of them a joined Gemma 3.", valueName: "dir")) var checkpoint:
    String?
  @Option(name: .long, help: "What to time: vision, stage1, stage1-cached, stage2, lora, prefill, decode; with commas.")
  var work = "vision,stage1,stage1-cached,prefill,decode"
  @Option(name: .long, help: "Runs of each after two to warm up; the median counts.") var repeats = 3
  @Option(name: .long, help: "Samples that are computed together; of decoding the time is that of a token of each.")
  var batch = 1
  @Option(name: .customLong("text-tokens"), help: "Tokens of text in a training step.") var textTokens = 64
  @Option(name: .long, help: "What changes the weights in a training step.") var optimizer = OptimizerChoice.adamw
  @Flag(name: .long, help: "After each, what a card's operations take: a table of the longest.") var profile = false
  @Flag(name: .customLong("gradient-checkpointing"), help: "Run blocks again in the backward pass.")
  var isCheckpointed = false
  @Option(name: .long, help: ArgumentHelp("File for the lines.", valueName: "file")) var output: String?
  @Option(name: .long, help: ArgumentHelp("File for a drawing of them, SVG.", valueName: "file")) var picture: String?
  @Option(FrozenWeightsSettingList.declared.base) var baseWeights: WeightStorage
  @OptionGroup var precision: PrecisionOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if !(1...4096).contains(batch) { throw ValidationError("--batch must be from 1 to 4096, not \(batch).") }
  }

  func run() throws {
    global.apply()
    let device = try precision.device(rounded: rounded)
    let works = try work.split(separator: ",").map { name in
      guard let work = StepWork(rawValue: String(name)) else {
        throw CarinaError(
          .usage, "--work is not known", expected: StepWork.allCases.map(\.rawValue).joined(separator: ", "),
          found: String(name))
      }
      return work
    }
    guard !works.isEmpty else {
      throw CarinaError(
        .usage, "--work names nothing", expected: StepWork.allCases.map(\.rawValue).joined(separator: ", "), found: work
      )
    }
    let full = try model(on: device, visionAlone: works == [.vision])
    if weights.weights == .int8 { full.model.decoder.quantizeWeights() }
    if weights.visionWeights == .int8 { full.model.vision.multiplyInBytes() }
    if baseWeights == .int8 { full.model.decoder.multiplyInBytes() }
    let ceilings = try Ceilings(repeats: 3, on: device)
    device.backend.trimMemory()
    let benchmarks = StepBenchmarks(
      device: device, full: full, repeats: max(1, repeats), optimizer: optimizer, isCheckpointed: isCheckpointed)
    var text = "", bars: [(name: String, part: Double)] = []
    for work in works {
      let result = try benchmarks.run(work)
      let least = ceilings.leastSeconds(result.least)
      let fields: [(String, String)] = [
        ("work", work.rawValue), ("median_s", exact(result.median)), ("best_s", exact(result.best)),
        ("cores_s", exact(result.cores)),
        ("floor_s", exact(least)), ("of_ceiling", rounded(least / result.median)),
        ("peak_gib", rounded(Double(peak(device)) / Double(1 << 30))),
      ]
      let line = fields.map { "\($0.0) \($0.1)" }.joined(separator: "  ") + "\n"
      try writeToStandardOutput(line)
      text += line
      if profile, let card = device.backend as? CUDABackend {
        card.startTiming()
        _ = try benchmarks.once(work)
        for time in card.operationTimes().prefix(60) {
          let milliseconds = rounded(time.milliseconds)
          try writeToStandardOutput("  \(time.name)  times \(time.count)  ms \(milliseconds)\n")
        }
      }
      bars.append(("\(work.rawValue), \(rounded(result.median)) s", least / result.median))
    }
    if let output { try AtomicFile.write(text, to: output) }
    if let picture {
      try CeilingPicture.write(
        bars, title: "Steps: \(StepsCommand.machine(device))", to: picture)
    }
  }

  /// What of the options asks for products of bytes.
  private var rounded: [String] { weights.rounded + (baseWeights == .int8 ? ["--base-weights int8"] : []) }

  /// The most memory that was taken: of the process, or on the card.
  private func peak(_ device: Device) -> Int {
    device.isProcessor ? ProcessMemory.peakByteCount : device.backend.memoryUsage.peak
  }

  /// What computes, for the head of a table.
  static func machine(_ device: Device) -> String {
    device.backend.deviceName ?? "\(Processor.description), \(ThreadTeam.count) threads"
  }

  private func model(on device: Device, visionAlone: Bool) throws -> FullSizeModel {
    let precision = try precision.computingPrecision(rounded: rounded)
    switch (models, checkpoint) {
    case (let models?, nil):
      return try FullSizeModel(
        directory: models, precision: precision, textTokens: textTokens, batch: batch, visionAlone: visionAlone,
        on: device)
    case (nil, let checkpoint?):
      return try FullSizeModel(
        checkpoint: checkpoint, precision: precision, textTokens: textTokens, batch: batch, on: device)
    default:
      throw CarinaError(.usage, "one model is timed", expected: "--models DIR or --checkpoint DIR")
    }
  }

  private func rounded(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
  /// Seconds to the microsecond: a token of a card takes a few milliseconds.
  private func exact(_ seconds: Double) -> String { String(format: "%.6f", seconds) }
}
