import CarinaTensor

extension Device {
  /// A card.
  /// - Parameters:
  ///   - index: its number, from 0.
  ///   - activations: the type of what layers hand on: bfloat16 where weights are.
  /// - Throws: `CarinaError.usage` where it cannot be used.
  public static func cuda(index: Int = 0, activations: ElementType) throws -> Device {
    Device(try CUDABackend(index: index, activations: activations))
  }

  /// The cards of this machine.
  public static func cudaDevices() -> CUDASurvey { CUDASurvey() }
}
