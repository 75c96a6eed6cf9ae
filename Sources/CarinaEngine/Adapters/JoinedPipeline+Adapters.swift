import CarinaModel
import CarinaRuntime

extension JoinedPipeline {
  /// Reads adapters that were compared with the parts, and puts them beside the weights in their order.
  /// - Throws: `CarinaError.badData`.
  package mutating func attach(_ adapters: [AttachedAdapter]) throws {
    for adapter in adapters {
      try adapter.bundle.attach(to: model)
      self.adapters.append(adapter)
    }
  }

  /// Whether all parts lie in one directory of a joined model.
  var isOneDirectory: Bool {
    language.directory.isJoined && vision.directory == language.directory
      && projector?.directory == language.directory
  }

  /// What the vision features depend on besides the encoder's weights: the fingerprints of its adapters.
  var visionAdapters: [String] {
    adapters.filter { $0.bundle.touches(.visionEncoder) }.map(\.bundle.sampledFingerprint)
  }

  /// Names and values for the identity of an evaluation: the adapters in their order.
  var adapterIdentity: [(name: String, value: String)] {
    adapters.enumerated().map { index, adapter in
      ("adapter" + (index == 0 ? "" : "-\(index + 1)"), adapter.bundle.sampledFingerprint)
    }
  }
}

extension AdapterChoice {
  /// Opens the adapters and compares them with the parts, before a weight is read.
  /// - Parameter own: the adapter that belongs to a joined model, which comes before the others.
  /// - Throws: `CarinaError.missingInput`, `.badData`; `.usage` where another base is accepted and there is no adapter.
  package func open(for parts: PipelineParts, own: AdapterBundle? = nil) throws -> [AttachedAdapter] {
    guard !acceptsOtherBase || own != nil || !references.isEmpty else {
      throw CarinaError(
        .usage, "\(setting: AdapterChoice.otherBase) is given, and there is no adapter",
        remedy: "Name one with \(setting: AdapterChoice.setting), or leave the option out.")
    }
    var bundles = own.map { [$0] } ?? []
    for reference in references { bundles.append(try AdapterBundle(reference)) }
    return try bundles.map {
      AttachedAdapter(bundle: $0, agreement: try $0.require(parts, acceptsOtherBase: acceptsOtherBase))
    }
  }
}
