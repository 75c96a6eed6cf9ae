import CarinaTensor

/// Where a model under construction gets its weights: a checkpoint, or a random generator.
///
/// A source answers every request, so that construction never stops half-way; a strict loader lists what was missing,
/// left over or misshaped in one error when the model is complete.
package protocol ParameterSource: AnyObject {
  /// The weight of this name and shape. Norm weights and biases are not subject to weight decay.
  func parameter(_ name: String, shape: [Int], decays: Bool, initialization: Initialization) -> Parameter
}
