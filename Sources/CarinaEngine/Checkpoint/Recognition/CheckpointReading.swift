import CarinaModel

/// A configuration as `config.json` and the weights beside it say it together, and how the files name the tensors.
package struct CheckpointReading<Config: Sendable>: Sendable {
  /// The configuration.
  package var config: Config
  /// Keys that were neither read nor known to be harmless, with their path.
  package let unknownKeys: [String]
  /// What was accepted although it cannot be meant, each a sentence.
  package var remarks: [String] = []
  /// How the files name the tensors, and what they may hold besides.
  package var format: TensorFormat
}

extension CheckpointReading<DecoderConfig> {
  /// Decides by the weights which output head there is, as transformers 5 does where the configuration ties it to the
  /// embedding: a head with the same numbers is the embedding's, one with others is a head of its own, and one without
  /// an embedding is both.
  mutating func findHead(in weights: WeightsDirectory, path: String) {
    format = format.unwrapping(weights)
    guard !config.hasOwnHead, let head = weights.names.first(where: { format.engineName($0) == TensorFormat.headName })
    else { return }
    guard let table = weights.names.first(where: { format.engineName($0) == TensorFormat.embeddingName }) else {
      let name = String(head.dropFirst(format.wrapper.count))
      format.names.insert(.init(whole: name, engine: TensorFormat.embeddingName), at: 0)
      return
    }
    switch weights.haveEqualNumbers(head, table) {
    case true?:
      // Compared already: a gigabyte need not be read again.
      format.leftOut.insert(.init(.name(TensorFormat.headName), "the same numbers as the embedding"), at: 0)
    case false?:
      config = config.with(hasOwnHead: true)
      remarks.append(
        "\(path): config.json ties the output head to the embedding, but \(head) holds other numbers; they are used")
    case nil: break
    }
  }
}

extension CheckpointReading<VisionConfig> {
  /// Decides by the weights whether there is a pooling head, through which no feature for a decoder passes.
  mutating func findPoolingHead(in weights: WeightsDirectory, path: String) {
    format = format.unwrapping(weights)
    let isThere = weights.names.contains { name in
      format.engineName(name).map(TensorFormat.poolingHead.matches) ?? false
    }
    if config.hasPoolingHead, !isThere {
      config = config.withoutPoolingHead
      remarks.append("\(path): there is no pooling head, although config.json has one; no feature passes through it")
    } else if !config.hasPoolingHead, isThere {
      format.leftOut.append(TensorFormat.poolingHead)
    }
  }
}
