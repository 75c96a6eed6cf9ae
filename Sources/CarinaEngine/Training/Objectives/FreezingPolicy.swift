import CarinaModel
import CarinaTensor

/// What is trained of the joined model, and when.
public struct FreezingPolicy: Equatable, Sendable {
  /// Parts trained in every epoch.
  public var trainsProjector: Bool, trainsDecoder: Bool
  /// Whether the vision encoder is trained in the first epoch and frozen afterwards.
  public var trainsVisionInFirstEpoch: Bool
  /// Whether the decoder's table of token embeddings stays as it is; a head tied to it then does too.
  public var freezesEmbeddings = false

  /// Names the parts.
  public init(trainsProjector: Bool, trainsDecoder: Bool, trainsVisionInFirstEpoch: Bool = false) {
    self.trainsProjector = trainsProjector
    self.trainsDecoder = trainsDecoder
    self.trainsVisionInFirstEpoch = trainsVisionInFirstEpoch
  }

  /// The projector alone.
  public static let stage1 = FreezingPolicy(trainsProjector: true, trainsDecoder: false)

  /// What is trained of a decoder.
  func trainedParameters(of decoder: Decoder) -> [Parameter] {
    guard trainsDecoder else { return [] }
    return freezesEmbeddings ? decoder.parameters.filter { $0 !== decoder.tokenEmbedding } : decoder.parameters
  }
}
