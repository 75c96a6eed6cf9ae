import CarinaModel
import CarinaRuntime

extension AdapterBundle {
  /// Compares the base with the one that the adapter was trained on, and its shapes with those of the adapter, before a
  /// weight is read.
  /// - Returns: what the comparison of the weights came to, in a few words.
  /// - Throws: `CarinaError.badData` for another base that is not accepted, and for an adapter of other shapes.
  func require(_ parts: PipelineParts, acceptsOtherBase: Bool) throws -> String {
    try requireShapes(parts)
    guard let base else {
      return "its file names no fingerprint of the base; the shapes fit"
        + (files.first?.configuration.base.map { ", made on \($0)" } ?? "")
    }
    var others: [(part: AdaptedPart, expected: CarinaManifest.Part, found: String)] = []
    for part in AdaptedPart.allCases {
      guard let expected = base.parts[part], let directory = parts.directory(of: part) else { continue }
      let found = try directory.weights().sampledFingerprint().description
      if found != expected.identity.sampled { others.append((part, expected, found)) }
    }
    guard let first = others.first else { return "the base that it was trained on" }
    let names = others.map(\.part.words).joined(separator: ", ")
    guard acceptsOtherBase else {
      throw CarinaError(
        .badData, "the adapter was trained on another base: another \(names)", at: path,
        expected: "fingerprint \(first.expected.identity.sampled)"
          + (first.expected.reference.map { " of \($0.name)" } ?? ""),
        found: first.found,
        remedy: "Name the base that it was trained on, or add \(setting: AdapterChoice.otherBase) where this is meant.")
    }
    return "another base than it was trained on: another \(names)"
  }

  private func requireShapes(_ parts: PipelineParts) throws {
    let decoder = try parts.language.decoderConfig().config, vision = try parts.vision.visionConfig()
    let tables = [
      (AdaptedPart.languageModel, TensorTable(of: decoder)), (.visionEncoder, TensorTable(of: vision)),
      (.projector, TensorTable(of: try parts.projectorConfig(vision: vision, decoder: decoder))),
    ]
    var shapes: [AdaptedPart: [ExactText: [Int]]] = [:]
    for (part, table) in tables {
      shapes[part] = Dictionary(table.rows.map { (ExactText($0.name), $0.shape) }, uniquingKeysWith: { $1 })
    }
    // A head that is the embedding's may become one of its own.
    shapes[.languageModel]?[ExactText(TensorFormat.headName)] = [decoder.vocabularySize, decoder.hiddenSize]
    for file in files { try file.require(shapes) }
  }
}

extension PeftAdapterFile {
  /// Refuses what changes weights that are not there, or of other shapes.
  /// - Throws: one `CarinaError.badData` with all of it.
  fileprivate func require(_ shapes: [AdaptedPart: [ExactText: [Int]]]) throws {
    var unknown: [String] = [], misshapen: [String] = []
    for change in changes {
      guard let shape = shapes[change.part]?[ExactText(change.map + ".weight")], shape.count == 2 else {
        unknown.append(change.path)
        continue
      }
      let rank = configuration.rank(of: change.path), expected = [[rank, shape[1]], [shape[0], rank]]
      if [change.a.shape, change.b.shape] != expected {
        misshapen.append(
          "\(change.path) (expected \(expected[0]) and \(expected[1]), found \(change.a.shape) and \(change.b.shape))")
      }
    }
    for whole in saved {
      guard let shape = shapes[whole.part]?[ExactText(whole.name)] else {
        unknown.append(whole.entry.name)
        continue
      }
      if whole.entry.shape != shape {
        misshapen.append("\(whole.entry.name) (expected \(shape), found \(whole.entry.shape))")
      }
    }
    let texts = [("for layers that the model does not have", unknown), ("of other shapes", misshapen)]
      .filter { !$0.1.isEmpty }.map { "\($0.1.count) \($0.0): \(NameList.text($0.1))" }
    guard texts.isEmpty else {
      throw CarinaError(
        .badData, "the adapter does not fit the model: \(texts.joined(separator: "; "))", at: path,
        remedy: "Name the model that the adapter was trained on"
          + (configuration.base.map { ", which its file calls \($0)." } ?? "."))
    }
  }
}

extension PipelineParts {
  /// Where a part's weights lie; nil for a fresh projector.
  fileprivate func directory(of part: AdaptedPart) -> ModelDirectory? {
    switch part {
    case .languageModel: return language
    case .visionEncoder: return vision
    case .projector:
      guard case .directory(let directory) = projector else { return nil }
      return directory
    }
  }
}
