import Carina

/// What a pass forwards and back gave.
struct RoundingOutcome {
  /// Before the last tokens of each sequence.
  let logits: [Float]
  /// Of the projector's weights, one after the other.
  let gradient: [Float]
  /// Of each supervised token, in nats.
  let losses: [Float]

  var meanLoss: Double { losses.reduce(0) { $0 + Double($1) } / Double(max(losses.count, 1)) }

  /// Passes sequences with the features of their images through a model.
  init(_ model: VisionLanguageModel, _ sequences: [ImageTextSequence], _ features: Tensor) {
    let projector = model.projector
    for parameter in projector.parameters { parameter.setTrainable(true) }
    let tape = Tape(), rows = projector.rows(ofPooled: features, tape: tape)
    let supervised = sequences.reduce(0) { $0 + $1.supervisedCount }
    let result = model.loss(sequences, imageRows: rows, scale: 1 / Float(supervised), isCheckpointed: true, tape: tape)
    tape.backward(from: result)
    losses = result.tokenLosses
    gradient = projector.parameters.flatMap { $0.gradient?.values ?? [] }
    let (x, lengths) = model.embed(sequences, imageRows: rows.detached, dropsLast: true, tape: nil)
    let states = model.decoder.hiddenStates(
      x, lengths: lengths, readCounts: lengths.map { min(4, $0) }, mutualRuns: model.mutualRuns(of: sequences),
      tape: nil)
    logits = model.decoder.logits(states.rowSlice(0..<min(states.rows, 64))).values
  }

  /// Root mean square of the difference, in parts of that of `exact`.
  static func distance(_ found: [Float], _ exact: [Float]) -> Double {
    var squares = 0.0, all = 0.0
    for (found, exact) in zip(found, exact) {
      squares += Double(found - exact) * Double(found - exact)
      all += Double(exact) * Double(exact)
    }
    return (squares / all).squareRoot()
  }

  /// Root mean square of the difference.
  static func spread(_ found: [Float], _ exact: [Float]) -> Double {
    let squares = zip(found, exact).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    return (squares / Double(max(exact.count, 1))).squareRoot()
  }

  /// Cosine of the angle between both.
  static func cosine(_ found: [Float], _ exact: [Float]) -> Double {
    var product = 0.0, one = 0.0, other = 0.0
    for (found, exact) in zip(found, exact) {
      product += Double(found) * Double(exact)
      one += Double(found) * Double(found)
      other += Double(exact) * Double(exact)
    }
    return product / (one * other).squareRoot()
  }
}
