/// Learning rates at their peak of components that have one of their own.
package struct ComponentRates: Equatable, Sendable {
  /// Nil for the run's.
  package var projector: Double?, vision: Double?

  /// Those of settings; without settings none.
  package init(_ settings: TrainingSettings = TrainingSettings()) {
    projector = settings.projectorRate
    vision = settings.visionRate
  }
}
