import CarinaModel
import CarinaTensor

/// The adapters that a run trains.
package struct TrainedAdapters {
  /// What was asked for.
  package let plan: LoraPlan
  /// The adapters with the part that each belongs to.
  package let adapters: [(part: AdaptedPart, adapter: LowRankAdapter)]
  /// What is dropped in training.
  package let dropout: AdapterDropout
  private let names: Set<String>

  /// Collects adapters that stand beside the maps of a model.
  init(plan: LoraPlan, adapters: [(part: AdaptedPart, adapter: LowRankAdapter)], dropout: AdapterDropout) {
    self.plan = plan
    self.adapters = adapters
    self.dropout = dropout
    names = Set(adapters.flatMap { $0.adapter.parameters.map(\.name) })
  }

  /// Every factor.
  package var parameters: [Parameter] { adapters.flatMap(\.adapter.parameters) }
  /// Their learning rate at its peak; nil for a weight that is no adapter's.
  package func rate(of parameter: Parameter) -> Double? {
    names.contains(parameter.name) ? plan.settings.learningRate : nil
  }
}
