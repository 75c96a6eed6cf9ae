import Carina

/// A command line of ProjectionTrainer in the words of the program that takes its place here. A command line of the
/// program's own stays as it is.
struct RecipeCommand {
  /// The command line for the parser.
  private(set) var arguments = RecipeArguments()
  /// What is to be said of options that mean something else here, or nothing.
  private(set) var remarks: [String] = []
  private var records = RecipeRecords()
  private var samples: Bool?
  private var isRecipe = false

  /// - Parameter words: the command line with hyphens in the names of options.
  /// - Throws: `CarinaError.usage` for an option that cannot be had here, or without its value.
  init(program: String, _ words: [String]) throws {
    let options = RecipeOption.options(of: program)
    guard !options.isEmpty, !words.contains("--help"), !words.contains("-h") else {
      arguments.append(words)
      return
    }
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        arguments.append([word] + rest)
        break
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = word.hasPrefix("--") ? String(parts[0].dropFirst(2)) : ""
      guard let option = options[name], !(program == "infer" && words.first == "tokenize") else {
        arguments.append([word])
        continue
      }
      isRecipe = true
      var value = ""
      if option.takesValue {
        guard let given = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
          throw CarinaError(.usage, "--\(name) needs a value")
        }
        value = given
      }
      try take(name, value, option.meaning)
    }
    guard isRecipe else { return }
    program.hasPrefix("train-") ? try finishTraining(program) : finishAsking()
  }

  /// Makes the shards that the command names by records and images, or finds them up to date.
  /// - Throws: `CarinaError` of the options, the encoder, the records or the images.
  func prepare(_ training: JointTrainingOptions) throws {
    guard !records.isEmpty else { return }
    try training.validate()
    try prepare(besideRun: training.outputDirectory, visionModel: training.visionModel)
  }

  /// The same for the tuning of a SigLIP.
  /// - Throws: as of stages 1 and 2.
  func prepare(_ training: TowerTrainingOptions) throws {
    guard !records.isEmpty else { return }
    try training.validate()
    try prepare(besideRun: training.outputDirectory, visionModel: training.visionModel)
  }

  private func prepare(besideRun output: String, visionModel: String) throws {
    if let threads = arguments.value(of: "threads").flatMap(Int.init) { ThreadTeam.count = threads }
    try records.prepare(besideRun: output, visionModel: visionModel)
  }

  private mutating func take(_ name: String, _ value: String, _ meaning: RecipeOption.Meaning) throws {
    switch meaning {
    case .called(let own): arguments.append(["--\(own)", value])
    case .noEffect(let reason): remarks.append("--\(name) has no effect: \(reason)")
    case .refused(let reason, let remedy):
      throw CarinaError(.usage, "--\(name) cannot be used: \(reason)", remedy: remedy)
    case .records(let role): records.set(role, value)
    case .mixedPrecision: arguments.append(["--precision", value == "no" ? "fp32" : value])
    case .processor: arguments.append(["--device", "cpu"])
    case .sampling:
      guard let samples = ["true": true, "1": true, "false": false, "0": false][value.lowercased()] else {
        throw CarinaError(.usage, "--do-sample cannot be used", expected: "True or False", found: value)
      }
      self.samples = samples
    }
  }

  private mutating func finishTraining(_ program: String) throws {
    guard !records.isEmpty else { return }
    // Without an output directory the parser says what is missing.
    arguments.append(try records.shardOptions(besideRun: arguments.value(of: "output-dir") ?? "", given: arguments))
    guard program == "train-stage2", !arguments.has("unfreeze-llm"), !arguments.has("no-unfreeze-llm") else { return }
    if arguments.has("unfreeze-projection-layer") || arguments.has("train-ve-first-epoch") {
      arguments.append(["--no-unfreeze-llm"])
      remarks.append("as in ProjectionTrainer the language model stays frozen; --unfreeze-llm trains it")
    } else {
      remarks.append("no option says what is trained: the language model is")
    }
  }

  /// Takes out what Hugging Face's `generate` passes over and this program refuses.
  private mutating func finishAsking() {
    let sampling = ["temperature", "top-p", "top-k"]
    func tell(_ options: [String], _ reason: String) -> [String] {
      options.isEmpty ? [] : ["\(options.joined(separator: ", ")) without effect: \(reason)"]
    }
    if samples == false {
      remarks += tell(arguments.remove(sampling), "--do-sample is off")
    } else if (arguments.value(of: "num-beams").flatMap(Int.init) ?? 1) > 1 {
      remarks += tell(arguments.remove(sampling), "the beams of a search are not sampled here")
    } else if (arguments.value(of: "temperature").flatMap(Double.init) ?? 0) == 0 {
      remarks += tell(arguments.remove(["top-p", "top-k"]), "without --temperature the most probable token is taken")
    }
    if (arguments.value(of: "num-beams").flatMap(Int.init) ?? 1) <= 1 {
      remarks += tell(arguments.remove(["length-penalty"]), "there is one beam")
    }
  }
}
