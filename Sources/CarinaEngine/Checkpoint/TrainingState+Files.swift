import CarinaRuntime
import CarinaTensor
import Foundation

extension TrainingState {
  static let weightsName = "trained.safetensors", momentsName = "optimizer.safetensors", stateName = "state.json"
  private static let formatVersion = 2
  private static let firstSuffix = ".first_moment", secondSuffix = ".second_moment", scaleSuffix = ".absmax"

  /// Writes `trained.safetensors`, `optimizer.safetensors` and `state.json` as one directory that appears whole or not
  /// at all.
  /// - Throws: `CarinaError.cannotWrite`; then whatever was at `path` is still there.
  package func write(to path: String) throws {
    try AtomicFile.writeDirectory(to: path) { temporary in
      let weightsPath = "\(temporary)/\(Self.weightsName)", momentsPath = "\(temporary)/\(Self.momentsName)"
      try SafetensorsWriter.write(
        weights.map { (name: $0.key, tensor: $0.value, type: .float32) }, to: weightsPath)
      var momentTensors: [(name: String, tensor: Tensor)] = []
      for (name, moments) in moments {
        let (first, second) = (name + Self.firstSuffix, name + Self.secondSuffix)
        momentTensors += [(first, moments.first), (second, moments.second)]
        guard let scales = moments.scales else { continue }
        momentTensors += [(first + Self.scaleSuffix, scales.first), (second + Self.scaleSuffix, scales.second)]
      }
      try SafetensorsWriter.write(momentTensors, to: momentsPath)
      let document = JSONObject([
        ("format_version", .integer(Self.formatVersion)),
        ("progress", try progress.json()),
        (
          "optimizer_steps",
          .object(JSONObject(moments.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value.steps)) }))
        ),
        (
          "fingerprints",
          [
            Self.weightsName: .string(try SafetensorsFile(path: weightsPath).fingerprint().description),
            Self.momentsName: .string(try SafetensorsFile(path: momentsPath).fingerprint().description),
          ]
        ),
      ])
      try JSONValue.object(document.sealed()).write(to: "\(temporary)/\(Self.stateName)")
    }
  }

  /// Reads what `write` wrote.
  /// - Parameters:
  ///   - shapes: names and shapes of the parameters that the run trains.
  ///   - optimizer: the run's, which decides how moments are kept.
  /// - Throws: `CarinaError.missingInput`, `.badData` when a file is damaged, or one with every name and shape that
  ///   does not fit.
  package init(
    path: String, expecting shapes: [String: [Int]], optimizer: OptimizerChoice = .adamw, on backend: any Backend
  ) throws {
    let statePath = "\(path)/\(Self.stateName)"
    let root = JSONNode(try .parseFile(statePath), source: statePath)
    let version = try root["format_version"].read("a whole number", \.int)
    guard (1...Self.formatVersion).contains(version) else {
      throw CarinaError(
        .badData, "is of a format that this version does not know", at: statePath,
        expected: "format_version 1 to \(Self.formatVersion)", found: "\(version)",
        remedy: "Resume with the version of Carina that wrote it, or start anew with \(setting: .resume) never.")
    }
    // The first version had no digest.
    if version > 1 || root["digest"].value != nil { try root.object().requireSeal(source: statePath) }
    let steps = try root["optimizer_steps"].object()
    let fingerprints = try root["fingerprints"].object()
    let weightsFile = try Self.open(Self.weightsName, in: path, fingerprints: fingerprints)
    let momentsFile = try Self.open(Self.momentsName, in: path, fingerprints: fingerprints)
    progress = try Progress(root["progress"])
    try Self.compare(
      weightsFile, momentsFile, steps: steps, atMost: progress.step, with: shapes, optimizer, at: path)

    weights = [:]
    moments = [:]
    for entry in weightsFile.entries { weights[entry.name] = TensorSource(try weightsFile.tensor(entry, on: backend)) }
    for (name, count) in steps {
      // The optimizer writes into its moments; the mapped file must not be written.
      func tensor(_ suffix: String) throws -> Tensor {
        if let entry = momentsFile.entry(named: name + suffix), entry.element == .uint8 {
          return momentsFile.codes(entry, on: backend)
        }
        return try momentsFile.tensor(named: name + suffix, on: backend).copied()
      }
      let (first, second) = (try tensor(Self.firstSuffix), try tensor(Self.secondSuffix))
      let scales =
        first.elementType == .uint8
        ? (try tensor(Self.firstSuffix + Self.scaleSuffix), try tensor(Self.secondSuffix + Self.scaleSuffix)) : nil
      moments[name] = Moments(first: first, second: second, scales: scales, steps: count.int ?? 0)
    }
  }

  private static func open(_ name: String, in path: String, fingerprints: JSONObject) throws -> SafetensorsFile {
    let file = try SafetensorsFile(path: "\(path)/\(name)")
    let found = file.fingerprint().description
    guard fingerprints[name]?.string == found else {
      throw CarinaError(
        .badData, "the file was damaged after it was written", at: file.path,
        expected: "fingerprint \(fingerprints[name]?.string ?? "in \(stateName)")", found: found,
        remedy: "Resume from an earlier step: \(setting: .resume) DIR.")
    }
    return file
  }

  /// Lists in one error every name and shape that does not fit the run.
  private static func compare(
    _ weights: SafetensorsFile, _ moments: SafetensorsFile, steps: JSONObject, atMost mostSteps: Int,
    with shapes: [String: [Int]], _ optimizer: OptimizerChoice, at path: String
  ) throws {
    let isInEightBits = moments.entries.contains { $0.name.hasSuffix(scaleSuffix) }
    let wantsEightBits =
      optimizer == .adamw8bit && steps.contains { EightBitMoments.holds(shapes[$0.key]?.reduce(1, *) ?? 0) }
    guard isInEightBits == wantsEightBits else {
      let kept = isInEightBits ? OptimizerChoice.adamw8bit : .adamw
      throw CarinaError(
        .usage, "the checkpoint's moments are those of another optimizer", at: path, expected: optimizer.rawValue,
        found: kept.rawValue,
        remedy: "Resume with \(setting: .optimizer) \(kept.rawValue), or start anew with \(setting: .resume) never.")
    }
    var problems = [String]()
    for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
      guard let entry = weights.entry(named: name) else {
        problems.append("\(name) is missing")
        continue
      }
      if entry.shape != shape { problems.append("\(name) is \(entry.shape), not \(shape)") }
    }
    for entry in weights.entries where shapes[entry.name] == nil { problems.append("\(entry.name) is not trained") }
    var expected = Set<String>(), elements: [String: SafetensorsElement] = [:]
    for (name, count) in steps {
      let numbers = shapes[name]?.reduce(1, *) ?? 0
      let isCoded = optimizer == .adamw8bit && EightBitMoments.holds(numbers)
      // No weight has taken more steps than the run.
      if count.int.map({ $0 < 1 || $0 > mostSteps }) ?? true {
        problems.append("the step count of \(name) cannot be in a run of \(mostSteps)")
      }
      for suffix in [firstSuffix, secondSuffix] {
        expected.insert(name + suffix)
        guard let entry = moments.entry(named: name + suffix) else {
          problems.append("\(name)\(suffix) is missing")
          continue
        }
        if let shape = shapes[name], entry.shape != shape {
          problems.append("\(name)\(suffix) is \(entry.shape), not \(shape)")
        }
        guard isCoded else { continue }
        elements[name + suffix] = .uint8
        let scale = name + suffix + scaleSuffix, blocks = [EightBitMoments.scaleCount(numbers)]
        expected.insert(scale)
        let found = moments.entry(named: scale)?.shape
        if found != blocks { problems.append("\(scale) is \(found.map { "\($0), not \(blocks)" } ?? "missing")") }
      }
      if shapes[name] == nil { problems.append("the optimizer's \(name) is not trained") }
    }
    for entry in moments.entries where !expected.contains(entry.name) {
      problems.append("\(entry.name) has no step count")
    }
    for entry in weights.entries + moments.entries {
      let element = elements[entry.name] ?? .float32
      if entry.element != element {
        problems.append("\(entry.name) is \(entry.element.rawValue), not \(element.rawValue)")
      }
    }
    guard problems.isEmpty else {
      throw CarinaError(
        .badData, "the checkpoint does not fit this run: \(problems.joined(separator: "; "))", at: path,
        remedy:
          "Resume with the models and options of the run that wrote it, or start anew with \(setting: .resume) never.")
    }
  }
}

extension TrainingState.Progress {
  /// What goes under `progress` of `state.json`.
  func json() throws -> JSONValue {
    var object = JSONObject([
      ("configuration_hash", .string(configurationHash)), ("epoch", .integer(epoch)), ("extra", extra),
      // A generator's state fills 64 unsigned bits, which a JSON number need not keep.
      (
        "generators",
        .object(
          JSONObject(
            try generators.sorted { $0.key < $1.key }.map {
              ($0.key, .string(String(decoding: try JSONEncoder().encode($0.value), as: UTF8.self)))
            }))
      ),
      ("log_bytes", .integer(logByteCount)), ("log_lines", .integer(logLineCount)),
      ("samples_seen", .integer(samplesSeen)), ("step", .integer(step)),
    ])
    // As text: the keys of this file are sorted, and those of the log are not.
    object["unlogged_step"] = try unlogged.map {
      .string(try $0.line.serialized(sortedKeys: false, indented: false))
    }
    return .object(object)
  }

  /// Reads it back.
  init(_ node: JSONNode) throws {
    _ = try node.object()
    func count(_ key: String) throws -> Int { try node[key].count(expected: "a number of at least 0") }
    let texts = try node["generators"].object()
    var generators = [String: SeededGenerator]()
    for (name, text) in texts {
      guard let data = text.string.map({ Data($0.utf8) }),
        let generator = try? JSONDecoder().decode(SeededGenerator.self, from: data)
      else {
        throw CarinaError(.badData, "the state of the random generator \(name) cannot be used", at: node.source)
      }
      generators[name] = generator
    }
    self.init(
      step: try count("step"), epoch: try count("epoch"), samplesSeen: try count("samples_seen"),
      generators: generators, logLineCount: try count("log_lines"), logByteCount: try count("log_bytes"),
      configurationHash: try node["configuration_hash"].text(),
      extra: node["extra"].value ?? [:],
      unlogged: try node["unlogged_step"].optional.map { line in
        try StepReport(JSONNode(.parse(line.text(), source: line.source), source: line.source, keys: line.keys))
      })
  }
}
